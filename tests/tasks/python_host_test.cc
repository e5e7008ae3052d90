#include "engine/tasks/python_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/string_view.h"
#include "engine/tasks/file_descriptor.h"
#include "tests/tasks/functions.h"
#include "tests/tasks/processes.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;

Json Parse(absl::string_view text) { return *ParseJson(text); }

TEST(PythonHostTest, GivesTheEventAsTheHandlersNameAsksFor) {
  PythonHost host;
  const std::string source =
      "def main_handler(event, context): return [type(event).__name__, event]\n"
      "def handler(event, context): return event\n"
      "async def waits(event, context): return event['a']\n";
  auto code = MakeFunction(source);
  EXPECT_EQ(Text(Call(host, code, Parse(R"({"a":1})"))), R"(["dict",{"a":1}])");
  code = MakeFunction(source);
  code->handler = "module.handler";
  EXPECT_EQ(Text(Call(host, code, Parse(R"({"a":"é\n"})"))), R"("{\"a\":\"é\\n\"}")");
  code = MakeFunction(source);
  code->handler = "package.module.waits";
  EXPECT_EQ(Text(Call(host, code, Parse(R"({"a":[]})"))), "[]");
}

TEST(PythonHostTest, CarriesValuesExactly) {
  PythonHost host;
  const auto code = MakeHandler(" return event\n");
  for (const char* text :
       {"null", "true", "0", "-9223372036854775808", "18446744073709551615", "0.1", "1e+300",
        R"("ünï ☃ 𝄞 \" \\ \u0000")", "[]", "{}", R"({"z":1,"a":{"b":[1,2.5,"x"]}})"}) {
    EXPECT_EQ(Text(Call(host, code, Parse(text))), text);
  }
  const std::string nested = std::string(127, '[') + std::string(127, ']');
  EXPECT_EQ(Text(Call(host, code, Parse(nested))), nested);
  const Json large(std::string(3 << 20, 'x'));
  EXPECT_TRUE(*Call(host, code, large) == large);
}

TEST(PythonHostTest, GivesTheContextAsKeysAndAttributes) {
  PythonHost host;
  const auto code = MakeHandler(
      " assert context['event_id'] == context.event_id and not hasattr(context, 'other')\n"
      " assert 0 < context.get_remaining_time_in_millis() <= 60000\n"
      " return dict(context)\n");
  const InvocationResult result = Call(host, code, Json(),
                                       {.execution_name = "projects/p/executions/e",
                                        .event_id = 7,
                                        .idempotency_key = "key",
                                        .request_id = "request \"1\"",
                                        .function_name = "greet"});
  ASSERT_TRUE(result.ok()) << result.error().cause.value_or("");
  EXPECT_TRUE(*result == Parse(R"({"execution":"projects/p/executions/e","event_id":7,
      "idempotency_key":"key","request_id":"request \"1\"","function_name":"greet",
      "memory_limit_in_mb":256,"time_limit_in_ms":60000})"))
      << result->ToText();
}

TEST(PythonHostTest, NamesEachFailure) {
  const struct {
    const char* what;
    const char* source;  // after "import os, sys"
    const char* error;
    const char* cause;
  } cases[] = {
      {"exception", "def main_handler(e, c): raise ValueError('bad')", "ValueError", "bad"},
      {"own exception", "class Busy(Exception): pass\ndef main_handler(e, c): raise Busy()", "Busy",
       R"("errorType":"Busy")"},
      {"import", "import does_not_exist", "ModuleNotFoundError", "does_not_exist"},
      {"at import", "1 / 0", "ZeroDivisionError", "module.py"},
      {"syntax", "def main_handler(:", "SyntaxError", "module.py"},
      {"no function", "x = 1", "Function.HandlerNotFound", "main_handler"},
      {"no callable", "main_handler = 1", "Function.HandlerNotFound", "main_handler"},
      {"not a number", "def main_handler(e, c): return float('nan')", "Function.InvalidResult", ""},
      {"no JSON", "def main_handler(e, c): return object()", "Function.InvalidResult", "object"},
      {"surrogate", "def main_handler(e, c): return '\\ud800'", "Function.InvalidResult", ""},
      {"circle", "def main_handler(e, c):\n x = []\n x.append(x)\n return x",
       "Function.InvalidResult", ""},
      {"too deep", "def main_handler(e, c):\n x = []\n for i in range(200): x = [x]\n return x",
       "Function.InvalidResult", ""},
      {"too long", "def main_handler(e, c): return 'x' * (6 << 20)", "Function.InvalidResult",
       "6291456"},
      {"too large", "def main_handler(e, c): return int('9' * 400)", "Function.InvalidResult", ""},
      {"memory", "def main_handler(e, c): return len(bytearray(1 << 30))", "Function.OutOfMemory",
       "256 MB"},
      {"memory bit by bit", "def main_handler(e, c):\n x = []\n while True: x.append('x' * 9999)",
       "Function.OutOfMemory", ""},
      {"sys.exit", "def main_handler(e, c): sys.exit(3)", "Function.ExitError", "3"},
      {"_exit", "def main_handler(e, c): os._exit(7)", "Function.ExitError", "code 7"},
      {"segfault", "def main_handler(e, c):\n import ctypes\n ctypes.string_at(0)",
       "Function.ExitError", "signal 11"},
      {"abort", "def main_handler(e, c): os.abort()", "Function.ExitError", "signal 6"},
      {"kill", "def main_handler(e, c): os.kill(os.getpid(), 9)", "Function.ExitError", "killed"},
      {"closed", "def main_handler(e, c):\n os.closerange(0, 99)\n import time\n time.sleep(99)",
       "Function.ExitError", "closed"},
      {"garbage", "def main_handler(e, c): os.write(4, b'\\xff' * 99)", "Function.ExitError", ""},
      {"forgery", "def main_handler(e, c): os.write(4, b'\\0\\0\\0\\x13{\"n\":9,\"result\":1}  ')",
       "Function.ExitError", "out of turn"},
  };
  PythonHost host;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const auto code = MakeFunction(absl::StrCat("import os, sys\n", c.source, "\n"));
    for (int i = 0; i < 2; ++i) {  // a failure leaves nothing behind that changes the next
      const InvocationResult result = Call(host, code);
      EXPECT_EQ(Text(result), absl::StrCat("error ", c.error));
      if (!result.ok()) {
        EXPECT_THAT(result.error().cause.value_or(""), HasSubstr(c.cause));
      }
    }
  }
}

TEST(PythonHostTest, NamesTheUsualDepthWhenAResultIsTooDeep) {
  PythonHost host;
  const auto code = MakeHandler(" x = []\n for i in range(128): x = [x]\n return x\n");
  const InvocationResult result = Call(host, code);
  ASSERT_EQ(Text(result), "error Function.InvalidResult");
  EXPECT_THAT(*result.error().cause, HasSubstr("nesting deeper than 128"));
}

TEST(PythonHostTest, CallsTheFunctionsOwnModule) {
  PythonHost host;
  for (const char* module : {"math", "calendar", "array"}) {  // Python has such modules as well
    auto code = MakeHandler(" return 42\n");
    code->handler = absl::StrCat(module, ".main_handler");
    EXPECT_EQ(Text(Call(host, code)), "42") << module;
  }
  auto code = MakeHandler(" return 42\n");
  code->handler = "os.system";
  EXPECT_EQ(Text(Call(host, code, Json("true"))), "error Function.HandlerNotFound");
}

TEST(PythonHostTest, TellsWhereAnExceptionCameFrom) {
  PythonHost host;
  const auto code = MakeHandler(" return helper()\ndef helper(): raise KeyError('é')\n");
  const InvocationResult result = Call(host, code, Json(), {.request_id = "r1"});
  ASSERT_FALSE(result.ok());
  const Json cause = Parse(*result.error().cause);
  EXPECT_EQ(cause.Find("errorMessage")->AsString(), "'é'");
  EXPECT_EQ(cause.Find("errorType")->AsString(), "KeyError");
  EXPECT_EQ(cause.Find("requestId")->AsString(), "r1");
  const absl::Span<const Json> trace = cause.Find("stackTrace")->elements();
  ASSERT_EQ(trace.size(), 2u);
  EXPECT_THAT(trace[0].ToText(), HasSubstr("line 3, in main_handler"));
  EXPECT_THAT(trace[1].ToText(), HasSubstr("line 4, in helper"));
}

TEST(PythonHostTest, ServesThoseBehindACallThatFails) {
  for (const char* failure : {"time.sleep(999)", "os._exit(7)", "bytearray(1 << 40)", "1 / 0"}) {
    SCOPED_TRACE(failure);
    PythonHost host;
    const auto code = MakeFunction(absl::StrCat(
        "import os, time\ndef main_handler(event, context):\n if event == 5: ", failure,
        "\n return event\n"));
    code->timeout = absl::Seconds(2);
    std::vector<std::future<InvocationResult>> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(Start(host, code, Json(i)));
    for (int i = 0; i < 100; ++i) {
      const InvocationResult result = calls[i].get();
      EXPECT_EQ(result.ok(), i != 5) << i << Text(result);
      if (result.ok()) {
        EXPECT_EQ(Text(result), absl::StrCat(i));
      }
    }
  }
}

TEST(PythonHostTest, AnswersBeforeASlowCallThatIsBehind) {
  PythonHost host;
  const auto code = MakeHandler(" import time\n time.sleep(event)\n return event\n");
  std::future<InvocationResult> quick = Start(host, code, Json(0));
  std::future<InvocationResult> slow = Start(host, code, Json(999));
  EXPECT_EQ(Text(quick.get()), "0");
  EXPECT_EQ(slow.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
}

TEST(PythonHostTest, KeepsAProcessWarm) {
  PythonHost host;
  const auto code = MakeFunction(
      "import os\ncount = 0\n"
      "def main_handler(event, context):\n global count\n count += 1\n"
      " return [os.getpid(), count]\n");
  const InvocationResult first = Call(host, code);
  const InvocationResult second = Call(host, code);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->elements()[0].ToText(), second->elements()[0].ToText());
  EXPECT_EQ(second->elements()[1].ToText(), "2");
}

TEST(PythonHostTest, ShutsTheServerOutOfTheProcess) {
  ASSERT_EQ(setenv("MILLRACE_TEST_SECRET", "1", 1), 0);
  const FileDescriptor leak(dup(0));  // without close-on-exec
  PythonHost host;
  const auto code = MakeHandler(
      " print('to nowhere', flush=True); sys.stderr.write('x' * 999999)\n"
      " import resource\n"
      " return [list(os.environ), os.getuid() == 0, os.getgroups() if os.getuid() else [],\n"
      "  sorted(os.listdir('/proc/self/fd'))[:5], os.getsid(0) == os.getpid(),\n"
      "  resource.getrlimit(resource.RLIMIT_CORE)[1], sys.stdin.read(),\n"
      "  [line.split()[1] for line in open('/proc/self/status') if 'NoNewPrivs' in line],\n"
      "  os.listdir('.'), os.path.basename(os.getcwd())[:17]]\n");
  EXPECT_EQ(Text(Call(host, code)),
            R"([["LANG"],false,[],["0","1","2","3","4"],true,0,"",["1"],["module.py"],)"
            R"("millrace-function"])");
}

TEST(PythonHostTest, RunsWithLittleMemory) {
  PythonHost host;
  const auto code = MakeHandler(" return len(bytearray(32 << 20)) >> 20\n");
  code->memory_bytes_max = 64 << 20;
  EXPECT_EQ(Text(Call(host, code)), "32");
}

TEST(PythonHostTest, IgnoresAForkedChildThatReturns) {
  PythonHost host;
  const auto code =
      MakeHandler(" child = os.fork()\n if child: os.waitpid(child, 0)\n return event\n");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Text(Call(host, code, Json(i))), absl::StrCat(i));
}

TEST(PythonHostTest, RunsACodePackage) {
  PythonHost host;
  auto code = MakeFunction("");
  code->handler = "app.main.run";
  code->zip = MakeZip({{.path = "app/__init__.py", .content = ""},
                       {.path = "app/main.py",
                        .content = "from app import other\n"
                                   "def run(event, context): return other.answer\n"},
                       {.path = "app/other.py", .content = "answer = 42\n"}});
  EXPECT_EQ(Text(Call(host, code)), "42");
  auto bad = MakeFunction("");
  bad->zip = MakeZip({{.path = "../module.py", .content = "x"}});
  const InvocationResult result = Call(host, bad);
  EXPECT_EQ(Text(result), "error Function.ExitError");
  EXPECT_THAT(*result.error().cause, HasSubstr("climbs out"));
}

TEST(PythonHostTest, RunsFunctionsSideBySide) {
  PythonHost host;
  // Each opens one end of a pipe, which takes until the other one opens the other.
  const std::string folder = absl::StrCat("/tmp/millrace-test-pipe-", getpid());
  ASSERT_EQ(mkdir(folder.c_str(), 0755), 0);
  const std::string path = folder + "/pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  ASSERT_EQ(chmod(path.c_str(), 0666), 0);
  const std::string fifo = absl::StrCat("'", path, "'");
  const auto writes = MakeHandler(absl::StrCat(" open(", fifo, ", 'w').write('hello')\n"));
  const auto reads = MakeHandler(absl::StrCat(" return open(", fifo, ").read()\n"));
  std::future<InvocationResult> writing = Start(host, writes);
  EXPECT_EQ(Text(Call(host, reads)), R"("hello")");
  EXPECT_EQ(Text(writing.get()), "null");
  std::filesystem::remove_all(folder);
}

TEST(PythonHostTest, KeepsNoMoreProcessesThanAllowed) {
  PythonHost host({.processes_max = 2});
  std::vector<std::shared_ptr<FunctionCode>> codes;
  for (int i = 0; i < 5; ++i) codes.push_back(MakeHandler(" return [event, os.getpid()]\n"));
  std::vector<std::future<InvocationResult>> calls;
  for (int i = 0; i < 500; ++i) calls.push_back(Start(host, codes[i % 5], Json(i)));
  for (int i = 0; i < 500; ++i) {
    const InvocationResult result = calls[i].get();
    ASSERT_TRUE(result.ok()) << Text(result);
    EXPECT_EQ(result->elements()[0].ToText(), absl::StrCat(i));
  }
  // The one that was idle longest makes room for the third.
  const std::string mark = Mark(*codes[0]);
  codes[0]->version_key += " marked";
  Call(host, codes[0]);
  EXPECT_TRUE(AwaitProcesses(mark, 2));
  Call(host, codes[1]);
  Call(host, codes[2]);
  EXPECT_TRUE(AwaitProcesses(mark, 0));
}

TEST(PythonHostTest, EndsAnIdleProcess) {
  PythonHost host({.idle_max = absl::Milliseconds(20)});
  const auto code = MakeHandler(" return 1\n");
  const std::string mark = Mark(*code);
  EXPECT_EQ(Text(Call(host, code)), "1");
  EXPECT_TRUE(AwaitProcesses(mark, 0));
}

TEST(PythonHostTest, SaysWhenPythonCannotBeStarted) {
  PythonHost host({.python_path = "/does/not/exist"});
  const auto code = MakeHandler(" return 1\n");
  std::vector<std::future<InvocationResult>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(Start(host, code));
  for (auto& call : calls) EXPECT_EQ(Text(call.get()), "error Function.ExitError");
}

TEST(PythonHostTest, AnswersWhatIsUnderWayWhenItIsDestroyed) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/millrace-host-", getpid());
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::others_exec,
                               std::filesystem::perm_options::add);
  std::vector<std::future<InvocationResult>> calls;
  const auto code = MakeHandler(" import time\n time.sleep(event)\n return 1\n");
  const std::string mark = Mark(*code);
  {
    PythonHost host({.folder = folder});
    EXPECT_EQ(Text(Call(host, code, Json(0))), "1");
    for (int i = 0; i < 40; ++i) calls.push_back(Start(host, code, Json(999)));
    calls.push_back(Start(host, MakeHandler(" return 1\n")));
  }
  EXPECT_TRUE(ProcessesWith(mark).empty());
  calls.pop_back();  // may have been answered either way
  for (auto& call : calls) EXPECT_EQ(Text(call.get()), "error Function.ExitError");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove(folder);
}

TEST(PythonHostTest, TakesCallsFromAnAnswer) {
  PythonHost host;
  const auto code = MakeHandler(" return event\n");
  std::promise<InvocationResult> last;
  host.Invoke(code, Json(1), {}, [&](InvocationResult first) {
    host.Invoke(code, *first, {},
                [&](InvocationResult second) { last.set_value(std::move(second)); });
  });
  EXPECT_TRUE(last.get_future().get().ok());
}

}  // namespace
}  // namespace millrace
