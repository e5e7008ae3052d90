#include "engine/tasks/python_runner.h"

namespace millrace {

const char kPythonRunner[] = R"python(
import _signal
import json
import os
import sys
import time
from _frozen_importlib_external import PathFinder

MODULE, FUNCTION = sys.argv[1], sys.argv[2]
MEMORY_MB, TIMEOUT_MS = int(sys.argv[3]), int(sys.argv[4])
IS_OWN_USER = sys.argv[5] == "own"
REQUESTS, ANSWERS, STATUS, PROGRAM = 3, 4, 5, 6
FOLDER = os.getcwd()
TOP = MODULE.partition(".")[0]
IS_PYTHONS_OWN = TOP in sys.modules
RUNNER = sys._getframe().f_code.co_filename
RESULT_BYTES_MAX = 6 * 1024 * 1024
MESSAGE_CHARS_MAX = 8192
STACK_FRAMES_MAX = 32
FRAME_CHARS_MAX = 512
CO_COROUTINE = 0x80


def children_of(pid):
    parents = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name) as file:
                state, parent = file.read().rpartition(") ")[2].split()[:2]
        except OSError:
            continue
        if state not in "ZX":
            parents[int(name)] = int(parent)
    found, size = {pid}, 0
    while len(found) > size:
        size = len(found)
        found.update(child for child, parent in parents.items() if parent in found)
    return found - {pid}


def end_descendants():
    # Orphans come to this process, so that nobody leaves the tree; but some may be born meanwhile.
    for _ in range(100):
        if IS_OWN_USER:
            try:
                os.kill(-1, 9)
            except OSError:
                return
        pids = children_of(os.getpid())
        for pid in pids:
            try:
                os.kill(pid, 9)
            except OSError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except OSError:
            pass
        if not pids:
            return


def end_supervisor(*_):
    try:
        if os.getpid() != 1:
            end_descendants()
    finally:
        os._exit(0)


def supervise(child):
    for descriptor in (REQUESTS, ANSWERS):
        os.close(descriptor)
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            os.write(STATUS, b"%d" % status)
            end_supervisor()


os.close(PROGRAM)
_signal.signal(_signal.SIGTERM, end_supervisor)
served_by = os.fork()
if served_by:
    try:
        supervise(served_by)
    finally:
        end_supervisor()
_signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
os.close(STATUS)
os.setsid()

# Bound here, so that a function that patches these modules changes only its own use of them.
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
decode = json.JSONDecoder().decode
monotonic, read, write, leave = time.monotonic, os.read, os.write, os._exit

handler = None
forked = False
reserve = bytearray(1 << 20)  # given back when memory is out, so that saying so is possible


class Context(dict):
    """The handler's second argument: a dict whose keys are attributes too."""

    __slots__ = ("_deadline",)

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def get_remaining_time_in_millis(self):
        return max(0, int((self._deadline - monotonic()) * 1000))


class HandlerNotFound(Exception):
    pass


class InvalidResult(Exception):
    pass


def send(text, errors="replace"):
    body = text.encode("utf-8", errors)
    frame = len(body).to_bytes(4, "big") + body
    while frame:
        frame = frame[write(ANSWERS, frame):]


def fail(number, name, cause, last=False):
    if forked:
        leave(0)
    send('{"n":%d,"error":%s,"cause":%s%s}'
         % (number, encode(name), encode(cause), ',"last":true' if last else ""))
    if last:
        leave(0)


def stack_of(error):
    import traceback
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == RUNNER:
        trace = trace.tb_next
    return [line[:FRAME_CHARS_MAX] for line in traceback.format_tb(trace)[-STACK_FRAMES_MAX:]]


def cause_of(error, name, request_id):
    try:
        message = str(error)[:MESSAGE_CHARS_MAX]
    except Exception:
        message = ""
    try:
        stack = stack_of(error)
    except Exception:
        stack = []
    return encode({"errorMessage": message, "errorType": name, "requestId": request_id,
                   "stackTrace": stack})


class OwnFinder:
    """Finds the function's module in its folder, before Python's own ones."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == TOP and path is None:
            return PathFinder.find_spec(name, [FOLDER])
        return None


def load_handler():
    if IS_PYTHONS_OWN:
        raise HandlerNotFound("The module '%s' is one of Python's own." % TOP)
    try:
        __import__(MODULE)
    except ModuleNotFoundError as error:
        if error.name and (MODULE + ".").startswith(error.name + "."):
            raise HandlerNotFound("There is no module '%s'." % MODULE) from None
        raise
    file = getattr(sys.modules[MODULE], "__file__", None) or ""
    if not file.startswith(FOLDER + "/"):
        raise HandlerNotFound("The module '%s' is not the function's own." % MODULE)
    found = getattr(sys.modules[MODULE], FUNCTION, None)
    if not callable(found):
        raise HandlerNotFound("Module '%s' has no function '%s'." % (MODULE, FUNCTION))
    code = getattr(found, "__code__", None)
    if code is None or not code.co_flags & CO_COROUTINE:
        return found

    def run_coroutine(event, context):
        import asyncio
        return asyncio.run(found(event, context))
    return run_coroutine


def text_of(result):
    try:
        text = encode(result)
        # No character takes less than a byte, so most results need no second look.
        if len(text) * 4 > RESULT_BYTES_MAX and len(text.encode("utf-8")) > RESULT_BYTES_MAX:
            raise InvalidResult("The result is longer than %d bytes." % RESULT_BYTES_MAX)
        if not text.isascii():
            text.encode("utf-8")
        return text
    except (InvalidResult, MemoryError):
        raise
    except Exception as error:
        raise InvalidResult("The result is no JSON value: %s" % str(error)[:512]) from None


def run(frame):
    global handler
    request = decode(str(frame, "utf-8"))
    number, context = request["n"], Context(request["context"])
    context["memory_limit_in_mb"] = MEMORY_MB
    context["time_limit_in_ms"] = TIMEOUT_MS
    context._deadline = monotonic() + TIMEOUT_MS / 1000
    request_id = context["request_id"]
    try:
        if handler is None:
            handler = load_handler()
        text = text_of(handler(request["event"], context))
    except MemoryError:
        pass
    except HandlerNotFound as error:
        return fail(number, "Function.HandlerNotFound", str(error))
    except InvalidResult as error:
        return fail(number, "Function.InvalidResult", str(error))
    except SystemExit as error:
        cause = "The handler ended its process with sys.exit(%.64r)." % (error.code,)
        return fail(number, "Function.ExitError", cause, last=True)
    except BaseException as error:
        name = type(error).__name__
        return fail(number, name, cause_of(error, name, request_id))
    else:
        if forked:
            leave(0)
        return send('{"n":%d,"result":%s}' % (number, text))
    out_of_memory(number)


def out_of_memory(number):
    reserve.clear()
    # What filled the memory may be held by the module, so the next call gets a new process.
    fail(number, "Function.OutOfMemory",
         "The function used more than its %d MB of memory." % MEMORY_MB, last=True)


def serve():
    buffer = bytearray()
    while True:
        chunk = read(REQUESTS, 65536)
        if not chunk:
            leave(0)
        buffer += chunk
        start = 0
        while len(buffer) - start >= 4:
            end = start + 4 + int.from_bytes(buffer[start:start + 4], "big")
            if len(buffer) < end:
                break
            run(buffer[start + 4:end])
            start = end
        del buffer[:start]


def after_fork_in_child():
    # A child that returns from the handler must not answer in its parent's place.
    global forked
    forked = True
    for descriptor in (REQUESTS, ANSWERS):
        try:
            os.close(descriptor)
        except OSError:
            pass


os.environ.pop("MALLOC_ARENA_MAX", None)
os.set_inheritable(REQUESTS, False)
os.set_inheritable(ANSWERS, False)
os.register_at_fork(after_in_child=after_fork_in_child)
sys.argv = [""]
sys.path.insert(0, FOLDER)
sys.meta_path.insert(0, OwnFinder)
send('{"ready":true}')
try:
    serve()
except MemoryError:
    out_of_memory(0)  # while reading a request
except BaseException:
    leave(1)
)python";

}  // namespace millrace
