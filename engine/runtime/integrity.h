#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/runtime/integrity_rules.h"
#include "engine/runtime/integrity_storage.h"
#include "engine/runtime/storage.h"
#include "engine/runtime/workflows.h"

namespace millrace {

enum class FoldScope {
  kNone,    // only where a rule cannot be decided without
  kSample,  // of up to `folds_max` executions as well, others in each run
  kAll,
};

struct IntegrityOptions {
  FoldScope fold = FoldScope::kSample;
  int64_t folds_max = 1000;
  // What may be on its way somewhere for so long, before it counts as forgotten.
  absl::Duration patience = absl::Seconds(10);
  // Executions that nobody looks after are looked at again after this time: who is in between two
  // nodes is not by then.
  absl::Duration look_again_after = absl::Seconds(10);
  // Asked often; false ends the check with CANCELLED. Null: goes on to the end.
  std::function<bool()> may_go_on;
};

struct IntegrityReport {
  int live_nodes = 0;  // 0: who should have been woken in time was not looked at
  int64_t executions = 0;
  int64_t folded = 0;
  int64_t damage = 0;
  int64_t notes = 0;
};

// What a check reads from.
struct IntegritySources {
  IntegrityStorage* facts = nullptr;
  ExecutionStorage* journals = nullptr;
  Workflows* workflows = nullptr;
};

// Looks at a whole database, while servers work on it, and tells of each execution that breaks a
// rule of integrity_rules.h. It reads slice by slice, of the size that takes a statement about a
// tenth of a second; it writes nothing, locks nothing, and holds little in memory: the keys of what
// is to be looked at twice.
//
// Each rule is decided on what one statement saw, so that a busy database gives no false finding.
// What comes into being during the check may or may not be looked at.
using IntegritySink = std::function<void(const IntegrityFinding&)>;

// Blocks; findings come as they are made, from the calling thread. Fails as the storages do.
absl::StatusOr<IntegrityReport> CheckIntegrity(const IntegritySources& sources,
                                               const IntegrityOptions& options,
                                               const IntegritySink& sink);

}  // namespace millrace
