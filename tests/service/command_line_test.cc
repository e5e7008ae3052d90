#include "service/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/cli/fsck.h"
#include "service/cli/run.h"
#include "service/config.h"
#include "tests/support/postgres.h"

namespace millrace::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Ran {
  int exit_code = -1;
  bool is_served = false;
  std::string output, complaint;
};

absl::StatusOr<IntegrityReport> NoDatabase(const service::ServeConfig&, const IntegrityOptions&,
                                           const IntegritySink&) {
  return absl::UnavailableError("there is no database");
}

// What `millrace ARGUMENTS` does, without its server.
Ran RunWith(std::vector<const char*> arguments, const IntegrityCheck& check = NoDatabase) {
  Ran ran;
  CLI::App app("what it is", "millrace");
  app.require_subcommand(1);
  app.set_version_flag("--version", "1.2.3");
  int exit_code = 0;
  service::ServeConfig config;
  CLI::App* serve = app.add_subcommand("serve", "Serve");
  service::AddServeFlags(serve, &config);
  serve->callback([&] { ran.is_served = true; });
  service::AddDatabaseFlags(app.add_subcommand("migrate", "Migrate"), &config);
  AddFsckCommand(app, check, &exit_code);
  AddRunCommand(app, &exit_code);
  AddHelpCommand(app);
  arguments.insert(arguments.begin(), "/usr/bin/millrace");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  ran.exit_code = ParseAndRun(app, static_cast<int>(arguments.size()), arguments.data(), exit_code);
  ran.output = ::testing::internal::GetCapturedStdout();
  ran.complaint = ::testing::internal::GetCapturedStderr();
  return ran;
}

TEST(CommandLineTest, SaysItsVersion) {
  const Ran ran = RunWith({"--version"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.output, "1.2.3\n");
}

TEST(CommandLineTest, NamesWhatIsNoSubcommandAndThoseThereAre) {
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"bogus"}, {"help", "bogus"}}) {
    const Ran ran = RunWith(arguments);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_THAT(ran.complaint,
                HasSubstr("'bogus' is no subcommand. There are serve, migrate, fsck, run, help."));
  }
  const Ran misspelled = RunWith({"migarte"});
  EXPECT_EQ(misspelled.exit_code, 2);
  EXPECT_THAT(misspelled.complaint, HasSubstr("; did you mean 'migrate'? There are"));
  EXPECT_EQ(RunWith({}).exit_code, 2);
}

TEST(CommandLineTest, HelpsWithAllAndWithOne) {
  for (const std::vector<const char*>& arguments : {std::vector<const char*>{"help"}, {"--help"}}) {
    const Ran ran = RunWith(arguments);
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_THAT(ran.output, AllOf(HasSubstr("what it is"), HasSubstr("migrate")));
  }
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"help", "migrate"}, {"migrate", "--help"}}) {
    const Ran ran = RunWith(arguments);
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_THAT(ran.output, AllOf(HasSubstr("millrace migrate"), HasSubstr("--database-url"),
                                  HasSubstr("--data-dir"), Not(HasSubstr("--listen"))));
  }
}

TEST(CommandLineTest, RefusesAnAddressThatIsNone) {
  for (const char* address : {"foo", "127.0.0.1", "127.0.0.1:", ":7070", "127.0.0.1:99999",
                              "127.0.0.1:-1", "127.0.0.1:http", "::1:7070", "127.0.0.1:7070x"}) {
    SCOPED_TRACE(address);
    const std::string flag = absl::StrCat("--listen=", address);
    const Ran ran = RunWith({"serve", flag.c_str()});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_FALSE(ran.is_served);
    EXPECT_THAT(ran.complaint, AllOf(HasSubstr("--listen"), HasSubstr("0 to 65535")));
  }
  for (const char* address : {"127.0.0.1:0", "localhost:65535", "[::1]:7070", "0.0.0.0:1"}) {
    SCOPED_TRACE(address);
    const std::string flag = absl::StrCat("--listen=", address);
    const Ran ran = RunWith({"serve", flag.c_str()});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_TRUE(ran.is_served) << ran.complaint;
  }
}

TEST(CommandLineTest, ARunsExitCodeSaysHowItEnded) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/definition.json";
  const struct {
    const char* definition;
    int exit_code;
    const char* output;
  } cases[] = {
      {R"({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})", 0, "SUCCEEDED"},
      {R"({"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Bad"}}})", 1, "FAILED"},
      {R"({"StartAt": "A", "States": {}})", 1, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.definition);
    std::ofstream(path) << c.definition;
    const Ran ran = RunWith({"run", path.c_str()});
    EXPECT_EQ(ran.exit_code, c.exit_code);
    EXPECT_THAT(ran.output, HasSubstr(c.output));
  }
  EXPECT_EQ(RunWith({"run", "/nowhere.json"}).exit_code, 2);
  EXPECT_EQ(RunWith({"run", path.c_str(), "--inputs={}"}).exit_code, 2);
}

// A check that finds a note and, if it is to, damage.
IntegrityCheck Finding(bool is_damaged) {
  return [is_damaged](const service::ServeConfig& config, const IntegrityOptions& options,
                      const IntegritySink& sink) -> absl::StatusOr<IntegrityReport> {
    EXPECT_EQ(config.database_url, "the-url");
    EXPECT_EQ(options.fold, FoldScope::kAll);
    EXPECT_EQ(options.look_again_after, absl::Milliseconds(1500));
    sink({.rule = IntegrityRule::kQuarantined, .name = "projects/p", .words = "it waits"});
    if (is_damaged) sink({.rule = IntegrityRule::kJournalGap, .words = "it has a gap"});
    return IntegrityReport{
        .live_nodes = 1, .executions = 7, .folded = 5, .damage = is_damaged ? 1 : 0, .notes = 1};
  };
}

TEST(CommandLineTest, FsckSaysWhatItFindsAndItsExitCodeWhetherItIsDamage) {
  const std::vector<const char*> arguments = {"fsck", "--database-url=the-url", "--fold=all",
                                              "--look-again-after=1.5"};
  const Ran damaged = RunWith(arguments, Finding(true));
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_EQ(damaged.output,
            "00000000-0000-0000-0000-000000000000 projects/p QUARANTINED (note): it waits\n"
            "00000000-0000-0000-0000-000000000000 - JOURNAL_GAP: it has a gap\n"
            "7 executions, 5 journals folded, 1 live servers: 1 damages, 1 notes\n");
  const Ran noted = RunWith(arguments, Finding(false));
  EXPECT_EQ(noted.exit_code, 0);
  EXPECT_THAT(noted.output, HasSubstr("no damage, 1 notes"));
  const Ran failed = RunWith({"fsck"});
  EXPECT_EQ(failed.exit_code, 2);
  EXPECT_EQ(failed.complaint, "millrace: there is no database\n");
  EXPECT_EQ(RunWith({"fsck", "--fold=some"}).exit_code, 2);
  EXPECT_EQ(RunWith({"fsck", "--look-again-after=-1"}).exit_code, 2);
}

TEST(CommandLineTest, FsckPrintsJsonByTheLine) {
  const Ran ran =
      RunWith({"fsck", "--database-url=the-url", "--fold=all", "--look-again-after=1.5", "--json"},
              Finding(true));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.output,
            R"({"executionUid":"00000000-0000-0000-0000-000000000000","execution":"projects/p",)"
            R"("code":"QUARANTINED","severity":"NOTE","message":"it waits"})"
            "\n"
            R"({"executionUid":"00000000-0000-0000-0000-000000000000","execution":"",)"
            R"("code":"JOURNAL_GAP","severity":"DAMAGE","message":"it has a gap"})"
            "\n"
            R"({"summary":{"executionCount":7,"foldedCount":5,"liveServerCount":1,"damageCount":1,)"
            R"("noteCount":1}})"
            "\n");
}

TEST(CommandLineTest, ARunsHistoryShowsTheKeyThatTheFunctionSaw) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/definition.json";
  std::ofstream(path) << R"({"StartAt": "A", "States": {
      "A": {"Type": "Task", "Resource": "nothing", "End": true}}})";
  const Ran ran = RunWith({"run", path.c_str(), "--history"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.output, HasSubstr("\"idempotencyKey\""));
}

}  // namespace
}  // namespace millrace::cli
