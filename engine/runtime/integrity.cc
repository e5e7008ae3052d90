#include "engine/runtime/integrity.h"

#include <algorithm>
#include <map>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/clock.h"
#include "engine/base/status_macros.h"

namespace millrace {
namespace {

constexpr int kSliceMin = 1;
constexpr int kSliceFirst = 50;
constexpr int kSliceMax = 2000;
constexpr int64_t kSliceNanos = 100'000'000;
constexpr int kTriesMax = 5;
constexpr size_t kFoldedAtOnce = 50;
constexpr int64_t kFoldedBytesAtOnce = 4 << 20;
constexpr absl::Duration kNap = absl::Milliseconds(50);

// How many rows the next statement may look at, so that none runs long: learned from how long the
// last one took. What was too much for a statement is tried again in smaller pieces.
class SliceSize {
 public:
  template <typename Read>
  auto Take(Read read) -> decltype(read(1)) {
    for (int tries = 1;; ++tries) {
      const int64_t began = SteadyNanos();
      auto slice = read(limit_);
      const int64_t took = SteadyNanos() - began;
      const bool was_too_much = absl::IsAborted(slice.status());
      if (was_too_much || took > 2 * kSliceNanos) {
        limit_ = std::max(kSliceMin, limit_ / 4);
      } else if (took < kSliceNanos / 2) {
        limit_ = std::min(kSliceMax, limit_ * 2);
      }
      if (!was_too_much || tries == kTriesMax) return slice;
    }
  }

  int limit() const { return limit_; }

 private:
  int limit_ = kSliceFirst;
};

// A journal to be folded. In a heap the greatest `rank` comes first.
struct Foldable {
  uint64_t rank = 0;
  ExecutionKey key;
  int64_t bytes = 0;
  friend bool operator<(const Foldable& a, const Foldable& b) { return a.rank < b.rank; }
};

struct Child {
  ExecutionKey key;
  int64_t parent_event = 0;
};

struct Suspect {
  ExecutionKey key;
  int64_t claims = 0;
};

class Check {
 public:
  Check(const IntegritySources& sources, const IntegrityOptions& options, const IntegritySink& sink)
      : facts_(*sources.facts),
        journals_(*sources.journals),
        workflows_(*sources.workflows),
        options_(options),
        sink_(sink) {}

  absl::StatusOr<IntegrityReport> Run() {
    MILLRACE_ASSIGN_OR_RETURN(report_.live_nodes, facts_.CountLiveNodes(options_.patience));
    MILLRACE_RETURN_IF_ERROR(CheckExecutions());
    const int64_t looked_nanos = SteadyNanos();
    for (const auto table :
         {IntegrityStorage::KeyedTable::kJournal, IntegrityStorage::KeyedTable::kCheckpoints,
          IntegrityStorage::KeyedTable::kMail, IntegrityStorage::KeyedTable::kWaits}) {
      MILLRACE_RETURN_IF_ERROR(CheckKeys(table));
    }
    std::vector<Foldable> sample;
    for (; !sample_.empty(); sample_.pop()) sample.push_back(sample_.top());
    MILLRACE_RETURN_IF_ERROR(FoldAll(std::move(sample)));
    MILLRACE_RETURN_IF_ERROR(CheckParents());
    MILLRACE_RETURN_IF_ERROR(LookAgain(looked_nanos));
    return report_;
  }

 private:
  void Tell(const IntegrityFinding& finding) {
    ++(IsNote(finding.rule) ? report_.notes : report_.damage);
    sink_(finding);
  }

  // Once: a parent may be folded for itself, and for its children.
  void TellOfJournal(const IntegrityFinding& finding) {
    if (misfolded_.insert(finding.key).second) Tell(finding);
  }

  absl::Status GoOn() const {
    if (options_.may_go_on == nullptr || options_.may_go_on()) return absl::OkStatus();
    return absl::CancelledError("the check was given up");
  }

  AttentionTerms TermsAt(absl::Time now) const {
    return {.now = now, .patience = options_.patience, .has_live_nodes = report_.live_nodes > 0};
  }

  absl::Status CheckExecutions() {
    SliceSize size;
    ExecutionKey after;
    while (true) {
      MILLRACE_RETURN_IF_ERROR(GoOn());
      int limit = 0;
      MILLRACE_ASSIGN_OR_RETURN(const FactsSlice slice, size.Take([&](int rows) {
        return facts_.ReadFactsAfter(after, limit = rows);
      }));
      std::vector<Foldable> to_fold;
      for (const ExecutionFacts& facts : slice.executions) Look(facts, slice.now, &to_fold);
      MILLRACE_RETURN_IF_ERROR(FoldAll(std::move(to_fold)));
      if (slice.executions.size() < static_cast<size_t>(limit)) return absl::OkStatus();
      after = slice.executions.back().key;
    }
  }

  void Look(const ExecutionFacts& facts, absl::Time now, std::vector<Foldable>* to_fold) {
    ++report_.executions;
    const IntegrityFindings findings = JudgeFacts(facts);
    for (const IntegrityFinding& finding : findings) Tell(finding);
    if (WhyUnattended(facts, TermsAt(now)).has_value()) {
      suspects_.push_back({.key = facts.key, .claims = facts.claims});
    }
    if (MayOweItsParent(facts, now, options_.patience)) {
      children_[*facts.parent].push_back({.key = facts.key, .parent_event = facts.parent_event});
    }
    if (!IsFoldable(facts, findings)) return;
    // The hash is another one in each process: so runs add up to more than one sample.
    const Foldable foldable{
        .rank = absl::HashOf(facts.key.uuid.bytes), .key = facts.key, .bytes = facts.journal_bytes};
    if (options_.fold == FoldScope::kAll || MayGoOnAfterItsEnd(facts)) {
      to_fold->push_back(foldable);
    } else if (options_.fold == FoldScope::kSample) {
      sample_.push(foldable);
      if (static_cast<int64_t>(sample_.size()) > options_.folds_max) sample_.pop();
    }
  }

  absl::Status CheckKeys(IntegrityStorage::KeyedTable table) {
    SliceSize size;
    ExecutionKey after;
    while (true) {
      MILLRACE_RETURN_IF_ERROR(GoOn());
      int limit = 0;
      MILLRACE_ASSIGN_OR_RETURN(const std::vector<KeyFacts> keys, size.Take([&](int rows) {
        return facts_.ReadKeysAfter(table, after, options_.patience, limit = rows);
      }));
      for (const KeyFacts& key : keys) {
        // Without a server nobody is there to take it.
        const bool is_mail = table == IntegrityStorage::KeyedTable::kMail;
        if (is_mail && key.exists && report_.live_nodes == 0) continue;
        if (const auto finding = JudgeKey(table, key)) Tell(*finding);
      }
      if (keys.size() < static_cast<size_t>(limit)) return absl::OkStatus();
      after = keys.back().key;
    }
  }

  // In portions that fit into memory.
  absl::Status FoldAll(std::vector<Foldable> foldables) {
    std::vector<ExecutionKey> keys;
    int64_t bytes = 0;
    for (const Foldable& foldable : foldables) {
      if (!keys.empty() &&
          (keys.size() == kFoldedAtOnce || bytes + foldable.bytes > kFoldedBytesAtOnce)) {
        MILLRACE_RETURN_IF_ERROR(Fold(std::exchange(keys, {})));
        bytes = 0;
      }
      keys.push_back(foldable.key);
      bytes += foldable.bytes;
    }
    return keys.empty() ? absl::OkStatus() : Fold(std::move(keys));
  }

  absl::Status Fold(std::vector<ExecutionKey> keys) {
    MILLRACE_RETURN_IF_ERROR(GoOn());
    MILLRACE_ASSIGN_OR_RETURN(ExecutionsRead read, ReadAll(keys));
    for (StoredExecution& stored : read.executions) {
      MILLRACE_RETURN_IF_ERROR(FoldOne(std::move(stored), nullptr));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ExecutionsRead> ReadAll(const std::vector<ExecutionKey>& keys) {
    absl::StatusOr<ExecutionsRead> read = journals_.Read(keys);
    for (int tries = 1; absl::IsAborted(read.status()) && tries < kTriesMax; ++tries) {
      read = journals_.Read(keys);
    }
    return read;
  }

  absl::Status FoldOne(StoredExecution stored, std::vector<int64_t>* waits) {
    // What lies before a checkpoint may have gone since it was looked at.
    if (stored.rows.empty() || stored.rows.front().seq != 1) return absl::OkStatus();
    absl::StatusOr<Workflows::Startable> of =
        workflows_.FindByKey(stored.workflow_key, stored.revision);
    if (absl::IsNotFound(of.status())) return absl::OkStatus();  // deleted since
    if (absl::IsFailedPrecondition(of.status())) {
      TellOfJournal({.rule = IntegrityRule::kJournalUnreadable,
                     .key = stored.key,
                     .name = NameOf(stored),
                     .words = "its definition does not compile with this version"});
      return absl::OkStatus();
    }
    MILLRACE_RETURN_IF_ERROR(of.status());
    ++report_.folded;
    const auto finding = JudgeJournal(std::move(stored), *std::move(of), waits);
    if (finding.has_value()) TellOfJournal(*finding);
    return absl::OkStatus();
  }

  // Parents that still wait for a child which ended long ago. The child had sent no mail when it
  // was looked at, or it had been taken with the row that ended the wait: so that row is read now.
  absl::Status CheckParents() {
    for (const auto& [parent, children] : children_) {
      MILLRACE_RETURN_IF_ERROR(GoOn());
      MILLRACE_ASSIGN_OR_RETURN(ExecutionsRead read, ReadAll({parent}));
      if (read.executions.empty()) continue;
      StoredExecution& stored = read.executions.front();
      const std::string name = NameOf(stored);
      std::vector<int64_t> waits;
      MILLRACE_RETURN_IF_ERROR(FoldOne(std::move(stored), &waits));
      for (const Child& child : children) {
        if (std::find(waits.begin(), waits.end(), child.parent_event) == waits.end()) continue;
        Tell({.rule = IntegrityRule::kChildEndNotTold,
              .key = parent,
              .name = name,
              .words = absl::StrCat("its event ", child.parent_event, " waits for its child ",
                                    child.key.uuid.ToString(),
                                    ", which has ended, and there is no mail from it")});
      }
    }
    return absl::OkStatus();
  }

  // The suspects' second look. Who has been taken up since is looked after, whatever became of it.
  absl::Status LookAgain(int64_t looked_nanos) {
    if (suspects_.empty()) return absl::OkStatus();
    const int64_t again_nanos = looked_nanos + absl::ToInt64Nanoseconds(options_.look_again_after);
    while (SteadyNanos() < again_nanos) {
      MILLRACE_RETURN_IF_ERROR(GoOn());
      const absl::Duration rest = absl::Nanoseconds(again_nanos - SteadyNanos());
      absl::SleepFor(std::clamp(rest, absl::ZeroDuration(), kNap));
    }
    SliceSize size;
    for (size_t begin = 0; begin < suspects_.size();) {
      MILLRACE_RETURN_IF_ERROR(GoOn());
      size_t end = begin;
      MILLRACE_ASSIGN_OR_RETURN(const FactsSlice slice, size.Take([&](int rows) {
        end = std::min(suspects_.size(), begin + static_cast<size_t>(rows));
        std::vector<ExecutionKey> keys;
        for (size_t i = begin; i < end; ++i) keys.push_back(suspects_[i].key);
        return facts_.ReadFacts(keys);
      }));
      size_t suspect = begin;
      for (const ExecutionFacts& facts : slice.executions) {  // both are by key
        while (suspects_[suspect].key != facts.key) ++suspect;
        if (facts.claims != suspects_[suspect].claims) continue;
        if (auto why = WhyUnattended(facts, TermsAt(slice.now))) {
          Tell(Unattended(facts, *std::move(why)));
        }
      }
      begin = end;
    }
    return absl::OkStatus();
  }

  IntegrityStorage& facts_;
  ExecutionStorage& journals_;
  Workflows& workflows_;
  const IntegrityOptions& options_;
  const IntegritySink& sink_;
  IntegrityReport report_;
  absl::flat_hash_set<ExecutionKey> misfolded_;
  std::vector<Suspect> suspects_;                        // by key
  std::map<ExecutionKey, std::vector<Child>> children_;  // by parent
  std::priority_queue<Foldable> sample_;                 // those of the least rank
};

}  // namespace

absl::StatusOr<IntegrityReport> CheckIntegrity(const IntegritySources& sources,
                                               const IntegrityOptions& options,
                                               const IntegritySink& sink) {
  return Check(sources, options, sink).Run();
}

}  // namespace millrace
