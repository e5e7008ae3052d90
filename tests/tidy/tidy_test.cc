// The rules of the tree that a program can check: who may include whom, how long a file may be, and
// what a note of unfinished work must name. A failure says the file, the line and the rule.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLinesMax = 600;

struct SourceFile {
  std::string path;  // from the top of the repository: "engine/core/step.h"
  std::vector<std::string> lines;
};

struct Include {
  std::string file;    // of the including file
  size_t line = 0;     // from 1
  std::string header;  // as written, without quotes or brackets
};

fs::path SourceDir() {
  const char* dir = std::getenv("MILLRACE_SOURCE_DIR");
  return dir == nullptr ? fs::current_path() : fs::path(dir);
}

std::vector<std::string> ReadLines(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool IsSource(const fs::path& path) {
  static const std::set<std::string> kExtensions = {".cc", ".h",     ".proto", ".sql",
                                                    ".py", ".cmake", ".sh"};
  return kExtensions.contains(path.extension().string()) || path.filename() == "CMakeLists.txt";
}

// All that people write in the top-level folders, by path.
const std::vector<SourceFile>& Sources() {
  static const auto* const kSources = [] {
    auto* files = new std::vector<SourceFile>;
    const fs::path root = SourceDir();
    for (const char* top :
         {"bench", "cmake", "db", "docs", "engine", "migrations", "protos", "service", "tests"}) {
      if (!fs::exists(root / top)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
        if (!entry.is_regular_file() || !IsSource(entry.path())) continue;
        files->push_back(
            {.path = fs::relative(entry.path(), root).string(), .lines = ReadLines(entry.path())});
      }
    }
    files->push_back({.path = "dev", .lines = ReadLines(root / "dev")});
    std::sort(files->begin(), files->end(),
              [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
    return files;
  }();
  return *kSources;
}

// What a line includes, in either form; "" for any other line.
std::string HeaderOf(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "#include ")) return "";
  line = absl::StripLeadingAsciiWhitespace(line);
  if (line.empty() || (line[0] != '"' && line[0] != '<')) return "";
  const size_t end = line.find(line[0] == '<' ? '>' : '"', 1);
  return end == absl::string_view::npos ? "" : std::string(line.substr(1, end - 1));
}

// All includes of the C++ files below `folder`.
std::vector<Include> IncludesOf(absl::string_view folder) {
  std::vector<Include> includes;
  for (const SourceFile& file : Sources()) {
    if (!absl::StartsWith(file.path, folder)) continue;
    if (!absl::EndsWith(file.path, ".cc") && !absl::EndsWith(file.path, ".h")) continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      std::string header = HeaderOf(file.lines[i]);
      if (!header.empty()) includes.push_back({file.path, i + 1, std::move(header)});
    }
  }
  return includes;
}

std::string PlaceOf(const Include& include) {
  return absl::StrCat(include.file, ":", include.line, " includes ", include.header);
}

bool StartsWithAny(absl::string_view text, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const std::string& prefix) { return absl::StartsWith(text, prefix); });
}

// "core" of "engine/core/states/task.cc"; what lies in engine/ itself belongs to "base".
std::string EnginePartOf(absl::string_view path) {
  absl::ConsumePrefix(&path, "engine/");
  const size_t slash = path.find('/');
  return slash == absl::string_view::npos ? "base" : std::string(path.substr(0, slash));
}

TEST(TidyTest, FindsTheSources) {
  // All other tests would pass on an empty folder.
  EXPECT_GT(Sources().size(), 100u);
  EXPECT_FALSE(IncludesOf("engine/core/").empty());
}

TEST(TidyTest, DependenciesPointFromServiceAndDbToEngine) {
  const std::map<std::string, std::vector<std::string>> forbidden = {
      {"engine/", {"service/", "db/", "tests/"}},
      {"db/", {"service/", "tests/"}},
      {"service/", {"db/", "tests/"}},
  };
  for (const auto& [folder, prefixes] : forbidden) {
    for (const Include& include : IncludesOf(folder)) {
      if (include.file == "service/main.cc") continue;  // the wiring: it alone sees all three
      EXPECT_FALSE(StartsWithAny(include.header, prefixes))
          << PlaceOf(include) << "; service -> engine <- db";
    }
  }
}

TEST(TidyTest, LibrariesStayInTheirPart) {
  struct Rule {
    std::vector<std::string> headers;
    std::vector<std::string> folders;  // where they may be included
    std::string why;
  };
  const std::vector<Rule> rules = {
      {{"pqxx/", "libpq-fe.h"}, {"db/", "tests/"}, "only db talks to PostgreSQL"},
      {{"grpc/", "grpcpp/", "millrace/v1/"},
       {"service/", "tests/", "bench/"},
       "only service knows the API"},
      {{"millrace/journal/"},
       {"engine/journal/", "tests/"},
       "only engine/journal knows what the journal's bytes are"},
      {{"boost/json"}, {"engine/json/", "tests/"}, "JSON is engine/json's Json everywhere else"},
      {{"absl/synchronization/mutex.h"},
       {},
       "locks are std::mutex: Debian's Abseil hides its own from the thread sanitizer"},
  };
  for (const char* folder : {"engine/", "db/", "service/", "tests/", "bench/"}) {
    for (const Include& include : IncludesOf(folder)) {
      for (const Rule& rule : rules) {
        if (!StartsWithAny(include.header, rule.headers)) continue;
        EXPECT_TRUE(StartsWithAny(include.file, rule.folders))
            << PlaceOf(include) << "; " << rule.why;
      }
    }
  }
}

TEST(TidyTest, EnginePartsSeeOnlyThoseBelowThem) {
  // runtime brings all parts together and sees all of them.
  const std::map<std::string, std::set<std::string>> seen_by = {
      {"base", {}},
      {"json", {"base"}},
      {"expr", {"base", "json"}},
      {"program", {"base", "json", "expr"}},
      {"languages", {"base", "json", "expr", "program"}},
      {"core", {"base", "json", "expr", "program"}},
      {"journal", {"base", "json", "expr", "program", "core"}},
      {"schedule", {"base", "json"}},
      {"tasks", {"base", "json"}},
  };
  for (const Include& include : IncludesOf("engine/")) {
    if (!absl::StartsWith(include.header, "engine/")) continue;
    const std::string from = EnginePartOf(include.file);
    const std::string to = EnginePartOf(include.header);
    if (from == to || from == "runtime") continue;
    const auto seen = seen_by.find(from);
    ASSERT_TRUE(seen != seen_by.end())
        << include.file << ": this test has no rule for engine/" << from;
    EXPECT_TRUE(seen->second.contains(to))
        << PlaceOf(include) << "; base <- json <- expr <- program <- {languages, core} <- journal "
        << "<- runtime";
  }
}

TEST(TidyTest, TheCoreHasNoClockThreadChanceOrIo) {
  const std::vector<std::string> forbidden = {
      "absl/random/",
      "absl/synchronization/",
      "absl/time/clock.h",
      "atomic",
      "chrono",
      "condition_variable",
      "cstdio",
      "ctime",
      "engine/base/clock.h",
      "engine/base/log.h",
      "engine/base/uuid.h",
      "filesystem",
      "fstream",
      "future",
      "google/",
      "iostream",
      "millrace/",
      "mutex",
      "netinet/",
      "random",
      "semaphore",
      "shared_mutex",
      "spdlog/",
      "stop_token",
      "sys/",
      "thread",
      "time.h",
      "unistd.h",
  };
  for (const Include& include : IncludesOf("engine/core/")) {
    EXPECT_FALSE(StartsWithAny(include.header, forbidden))
        << PlaceOf(include) << "; the core is a pure function: time is event.at, chance is the "
        << "snapshot's seed";
  }
}

TEST(TidyTest, FilesHaveOneSubject) {
  for (const SourceFile& file : Sources()) {
    EXPECT_LE(file.lines.size(), kLinesMax)
        << file.path << " has " << file.lines.size() << " lines: two subjects?";
  }
}

TEST(TidyTest, TodosNameTheirIssue) {
  // In two parts, so that this file passes.
  const std::string todo = absl::StrCat("TO", "DO");
  for (const SourceFile& file : Sources()) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      absl::string_view line = file.lines[i];
      for (size_t at = line.find(todo); at != absl::string_view::npos; at = line.find(todo)) {
        absl::string_view rest = line.substr(at + todo.size());
        line = rest;
        const bool has_issue = absl::ConsumePrefix(&rest, "(#") && !rest.empty() &&
                               std::isdigit(static_cast<unsigned char>(rest[0])) != 0;
        EXPECT_TRUE(has_issue) << file.path << ":" << i + 1 << " has a " << todo
                               << " without its issue, as in " << todo << "(#12)";
      }
    }
  }
}

}  // namespace
}  // namespace millrace
