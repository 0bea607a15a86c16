module lathe

go 1.26.0

require (
	example.org/explained v1.0.0
	example.org/unexplained/v2 v2.1.0 // indirect
)
