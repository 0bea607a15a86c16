"""Counts what holds, and compares values to the bit."""
import contextlib
import traceback


class Different(AssertionError):
    """Two answers that must be one."""


class Report:
    """Prints a line a check."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    @contextlib.contextmanager
    def check(self, *words):
        """A block that passes when it raises nothing."""
        name = " ".join(words)
        try:
            yield
        except Different as e:
            self._fail(name, str(e))
        except Exception:
            self._fail(name, traceback.format_exc())
        else:
            self.passed += 1
            print(f"ok    {name}", flush=True)

    def _fail(self, name, why):
        self.failed += 1
        print(f"FAIL  {name}\n      " + "\n      ".join(why.rstrip().splitlines()), flush=True)


def expect(condition, message):
    """Raises Different where a condition does not hold."""
    if not condition:
        raise Different(message)


def bits(value):
    """A value so that two are equal only with the same type and the same bits."""
    if isinstance(value, float):
        return value.hex()
    return type(value).__name__, value


def same(got, want, what="value"):
    """Compares lists, dicts and scalars; names the first place where they differ."""
    if isinstance(want, list):
        expect(isinstance(got, list), f"{what}: {type(got).__name__} instead of a list")
        expect(len(got) == len(want), f"{what}: {len(got)} instead of {len(want)}")
        for i, (g, w) in enumerate(zip(got, want)):
            same(g, w, f"{what}[{i}]")
    elif isinstance(want, dict):
        expect(isinstance(got, dict) and list(got) == list(want), f"{what}: {got!r} instead of the keys {list(want)}")
        for key, w in want.items():
            same(got[key], w, f"{what}[{key!r}]")
    else:
        expect(bits(got) == bits(want), f"{what}: {got!r} {bits(got)} instead of {want!r} {bits(want)}")


def refused(call, *errors):
    """Raises Different unless call raises one of errors; gives the error."""
    try:
        answer = call()
    except errors as e:
        return e
    raise Different(f"was not refused: {answer!r}")
