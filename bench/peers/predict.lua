-- wrk -t1 -c8 -d8s -s predict.lua http://127.0.0.1:PORT/predict
-- Posts one row of 30 numbers. KEY in the environment is sent as a bearer token. The last line is one JSON object; times are in milliseconds.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local key = os.getenv("KEY")
if key then wrk.headers["Authorization"] = "Bearer " .. key end
local row = {}
for i = 1, 30 do row[i] = string.format("%.4f", math.sin(i)) end
wrk.body = "[[" .. table.concat(row, ",") .. "]]"

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%.6f,"p50":%.4f,"p99":%.4f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.timeout + e.status))
end
