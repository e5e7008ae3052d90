#include "engine/runtime/keeper.h"

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/errors.h"

namespace millrace {
namespace {

constexpr int kClaimsAtOnce = 300;
// Keys to read again in one round.
constexpr size_t kAskedAtOnce = 3000;
constexpr int kLossesMax = 3;
constexpr int64_t kDeadAfterNanos = 5'000'000'000;
// Until a node that can read it is likely to look, this one must not find it due again each second.
constexpr absl::Duration kRestOfNewerFormats = absl::Seconds(30);
constexpr int64_t kCompareEachNanos = 10'000'000'000;

std::string NameOf(const StoredExecution& stored) {
  return absl::StrCat("projects/", stored.project, "/workflows/", stored.workflow, "/executions/",
                      stored.execution_id);
}

}  // namespace

Keeper::Keeper(Node* node, SynchronizedClock* clock, ExecutionStorage* storage,
               Workflows* workflows, std::vector<LaneInbox*> lanes, LaneOf lane_of)
    : node_(node),
      clock_(clock),
      storage_(storage),
      workflows_(workflows),
      lanes_(std::move(lanes)),
      lane_of_(std::move(lane_of)) {}

Keeper::~Keeper() { Stop(); }

void Keeper::Run() {
  beating_ = std::thread([this] { RunBeats(); });
  sweeping_ = std::thread([this] { RunSweeps(); });
}

void Keeper::Stop() {
  {
    const std::lock_guard lock(orders_->mutex);
    orders_->stopping = true;
  }
  orders_->changed.notify_all();
  if (beating_.joinable()) beating_.join();
  if (sweeping_.joinable()) sweeping_.join();
}

bool Keeper::IsCompareDue() const {
  return compare_asked_ || SteadyNanos() - compared_nanos_ > kCompareEachNanos;
}

bool Keeper::Sleep(absl::Duration duration, bool until_asked) {
  Orders& orders = *orders_;
  std::unique_lock lock(orders.mutex);
  orders.changed.wait_for(lock, absl::ToChronoMicroseconds(duration), [&] {
    return orders.stopping || (until_asked && (!orders.asked.empty() || orders.risky_is_next));
  });
  orders.risky_is_next = orders.risky_is_next && !until_asked;
  return !orders.stopping;
}

void Keeper::RunBeats() {
  do {
    const absl::Status status = Beat();
    if (!status.ok()) {
      Log(LogLevel::kWarning, "no heartbeat", {{"error", std::string(status.message())}});
    }
  } while (Sleep(absl::Seconds(1), false));
}

void Keeper::RunSweeps() {
  int64_t swept_nanos = 0;
  bool has_more = false;
  do {
    ReadAsked();
    const int64_t now = SteadyNanos();
    absl::Status status;
    if (IsCompareDue()) status = Compare();
    if (status.ok() && (has_more || now - swept_nanos > 1'000'000'000)) {
      const absl::StatusOr<int> claimed = Sweep();
      status = claimed.status();
      if (!status.ok()) compare_asked_ = true;  // it may have claimed some, unheard
      has_more = claimed.ok() && *claimed >= kClaimsAtOnce;
      swept_nanos = now;
    }
    if (!status.ok()) {
      Log(LogLevel::kWarning, "the sweep failed", {{"error", std::string(status.message())}});
      if (!Sleep(absl::Milliseconds(200), false)) return;
    }
    TakeUpRisky();
    // As long as there is more, without a pause.
  } while (Sleep(has_more ? absl::ZeroDuration() : absl::Milliseconds(200), true));
}

void Keeper::SeeToken(const DatabaseToken& token) {
  if (!node_->SeeToken(token)) return;
  Log(LogLevel::kInfo, "reading what the database gives this node");
  compare_asked_ = true;
  for (LaneInbox* lane : lanes_) lane->Post(lane_message::ForgetAll{.token = token});
}

absl::Status Keeper::Beat() {
  const int64_t before = SteadyNanos();
  MILLRACE_ASSIGN_OR_RETURN(const Heartbeat heartbeat,
                            storage_->Beat(node_->me(), node_->address()));
  // The database's time lies between the two readings; the earlier one makes alarms late, not
  // early.
  const int64_t after = SteadyNanos();
  if (after - before < 1'000'000'000) clock_->Synchronize(heartbeat.now, after);
  if (after - node_->confirmed_nanos() > kDeadAfterNanos / 2) beats_were_interrupted_ = true;
  node_->ConfirmHeartbeat();
  SeeToken(heartbeat.token);
  return absl::OkStatus();
}

// Those whose heartbeat this node has seen change within 5 s of its own steady clock, and itself.
// Nobody is dead while this node's own heartbeats fail.
std::vector<NodeIncarnation> Keeper::AliveNodes() {
  std::vector<NodeIncarnation> alive{node_->me()};
  const absl::StatusOr<std::vector<NodeRow>> rows = storage_->ReadNodes();
  if (!rows.ok() || !node_->MayDispatch()) return {};
  const int64_t now = SteadyNanos();
  const bool interrupted = beats_were_interrupted_.exchange(false);
  std::map<NodeIncarnation, Seen> seen;
  std::vector<NodeIncarnation> dead;
  for (const NodeRow& row : *rows) {
    if (row.node == node_->me()) continue;
    const auto before = seen_.find(row.node);
    Seen current{.beats = row.beats, .at_nanos = now};
    // Time in which this node could not beat either proves nothing of the others.
    if (before != seen_.end() && before->second.beats == row.beats && !interrupted) {
      current = before->second;
    }
    seen[row.node] = current;
    if (now - current.at_nanos < kDeadAfterNanos) {
      alive.push_back(row.node);
    } else {
      dead.push_back(row.node);
    }
  }
  seen_ = std::move(seen);
  for (const NodeIncarnation& node : dead) {
    Log(LogLevel::kInfo, "a node is dead", {{"node", node.uuid.ToString()}});
  }
  // An owner without a row is dead, so the row may go before its executions are taken up.
  if (!dead.empty() && storage_->RemoveNodes(dead).ok()) {
    for (const NodeIncarnation& node : dead) seen_.erase(node);
  }
  return alive;
}

absl::StatusOr<int> Keeper::Sweep() {
  MILLRACE_ASSIGN_OR_RETURN(std::vector<Claim> due, storage_->ClaimDue(node_->me(), kClaimsAtOnce));
  int claimed = static_cast<int>(due.size());
  TakeUp(due);
  const std::vector<NodeIncarnation> alive = AliveNodes();
  if (alive.empty()) return claimed;
  MILLRACE_ASSIGN_OR_RETURN(std::vector<Claim> lost,
                            storage_->ClaimLost(node_->me(), alive, kClaimsAtOnce));
  claimed = std::max(claimed, static_cast<int>(lost.size()));
  TakeUp(lost);
  return claimed;
}

void Keeper::TakeUp(const std::vector<Claim>& claims) {
  std::vector<ExecutionKey> keys;
  for (const Claim& claim : claims) {
    if (claim.losses > 0) {
      AddRisky(claim);
    } else {
      keys.push_back(claim.key);
    }
  }
  if (keys.empty()) return;
  const absl::StatusOr<ExecutionsRead> read = storage_->Read(keys);
  if (!read.ok()) {  // claimed, and not held: the compare finds them
    compare_asked_ = true;
    return;
  }
  for (const StoredExecution& stored : read->executions) HandOutOne(stored, read->token, nullptr);
}

// The newest claim of each counts.
void Keeper::AddRisky(const Claim& claim) {
  for (Claim& waiting : risky_) {
    if (waiting.key != claim.key) continue;
    waiting = claim;
    return;
  }
  risky_.push_back(claim);
}

// One at a time, the next after the fence of the one before: whoever takes the node down with it is
// then known.
void Keeper::TakeUpRisky() {
  while (!risky_.empty()) {
    {
      const std::lock_guard lock(orders_->mutex);
      if (orders_->risky.has_value()) return;
    }
    if (!TakeUpNextRisky()) return;
  }
}

// False if the database has to be tried again later.
bool Keeper::TakeUpNextRisky() {
  const Claim claim = risky_.front();
  if (claim.losses >= kLossesMax) {
    const absl::Status status = storage_->Quarantine(
        node_->me(), claim.key,
        absl::StrCat("lost ", claim.losses, " times between being taken up and its first commit"));
    if (!status.ok()) return false;
    risky_.pop_front();
    Log(LogLevel::kError, "an execution is quarantined",
        {{"execution", claim.key.uuid.ToString()}});
    ReadAgain(claim.key);  // whoever asks for it here is told
    return true;
  }
  const absl::StatusOr<bool> is_own = storage_->MarkTakenUp(node_->me(), claim);
  if (!is_own.ok()) return false;
  if (!*is_own) {
    risky_.pop_front();
    ReadAgain(claim.key);  // whoever waits for it here is told whose it is
    return true;
  }
  const absl::StatusOr<ExecutionsRead> read = storage_->Read({claim.key});
  if (!read.ok()) return false;
  risky_.pop_front();
  if (read->executions.empty()) {
    ReadAgain(claim.key);
    return true;
  }
  {
    const std::lock_guard lock(orders_->mutex);
    orders_->risky = claim.key;
  }
  const auto let_go = [orders = orders_](void*) {
    {
      const std::lock_guard lock(orders->mutex);
      orders->risky.reset();
      orders->risky_is_next = true;
    }
    orders->changed.notify_all();
  };
  const FenceGuard guard(orders_.get(), let_go);
  for (const StoredExecution& stored : read->executions) HandOutOne(stored, read->token, guard);
  return true;
}

void Keeper::ReadAgain(const ExecutionKey& key) {
  {
    const std::lock_guard lock(orders_->mutex);
    orders_->asked.push_back(key);
  }
  orders_->changed.notify_all();
}

// Those of `claims` that may be read at once; the others wait in line, or are being taken up.
absl::flat_hash_set<ExecutionKey> Keeper::ReadableNow(const std::vector<Claim>& claims) {
  std::optional<ExecutionKey> risky;
  {
    const std::lock_guard lock(orders_->mutex);
    risky = orders_->risky;
  }
  absl::flat_hash_set<ExecutionKey> readable;
  for (const Claim& claim : claims) {
    if (claim.losses == 0 || claim.key == risky) {
      readable.insert(claim.key);
    } else {
      AddRisky(claim);
    }
  }
  return readable;
}

int Keeper::ReadAsked() {
  std::vector<ExecutionKey> asked;
  {
    const std::lock_guard lock(orders_->mutex);
    asked = std::exchange(orders_->asked, {});
  }
  std::sort(asked.begin(), asked.end());
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  // The rest waits for the next round: what else the keeper does must not wait for all of it.
  for (; asked.size() > kAskedAtOnce; asked.pop_back()) ReadAgain(asked.back());
  bool has_locked = false;
  size_t end = 0;
  for (size_t i = 0; i < asked.size(); i = end) {
    // A slice of large journals may take seconds, and the compare, on which the node's writes hang,
    // is not to wait for all of them. What is put back is read after it.
    if (i > 0 && IsCompareDue()) {
      for (size_t rest = i; rest < asked.size(); ++rest) ReadAgain(asked[rest]);
      asked.resize(i);
      break;
    }
    end = std::min(asked.size(), i + read_at_once_);
    const std::vector<ExecutionKey> slice(asked.begin() + static_cast<int64_t>(i),
                                          asked.begin() + static_cast<int64_t>(end));
    // What is its own or nobody's is claimed, which also makes earlier snapshots of it old.
    const absl::StatusOr<std::vector<Claim>> claims = storage_->ClaimKeys(node_->me(), slice);
    const absl::StatusOr<ExecutionsRead> read =
        claims.ok() ? storage_->Read(slice) : absl::StatusOr<ExecutionsRead>(claims.status());
    if (!read.ok()) {
      // So many journals may be too much for one statement.
      read_at_once_ = std::max<size_t>(1, slice.size() / 2);
      for (const ExecutionKey& key : slice) ReadAgain(key);
      Sleep(absl::Milliseconds(100), false);
      continue;
    }
    read_at_once_ = std::min<size_t>(kClaimsAtOnce, read_at_once_ * 2);
    if (read->token != node_->lease().token) {  // the next heartbeat tells
      for (const ExecutionKey& key : slice) ReadAgain(key);
      Sleep(absl::Milliseconds(100), false);
      continue;
    }
    const absl::flat_hash_set<ExecutionKey> readable = ReadableNow(*claims);
    absl::flat_hash_set<ExecutionKey> missing(slice.begin(), slice.end());
    for (const StoredExecution& stored : read->executions) {
      missing.erase(stored.key);
      const bool is_own = stored.status == ExecutionStatus::kRunning && stored.owner == node_->me();
      if (!is_own || readable.contains(stored.key)) {
        HandOutOne(stored, read->token, nullptr);
      } else if (std::none_of(claims->begin(), claims->end(),
                              [&](const Claim& claim) { return claim.key == stored.key; })) {
        // Another statement had it locked: without a new claim it is not to be handed out.
        ReadAgain(stored.key);
        has_locked = true;
      }
    }
    for (const ExecutionKey& key : missing) {
      lane_of_(key).Post(
          lane_message::Gone{.key = key, .status = errors::ExecutionNotFound(key.uuid.ToString())});
    }
  }
  if (has_locked) Sleep(absl::Milliseconds(20), false);
  return static_cast<int>(asked.size());
}

void Keeper::HandOutOne(const StoredExecution& stored, const DatabaseToken& token,
                        FenceGuard fence_guard) {
  LaneInbox& lane = lane_of_(stored.key);
  const bool is_ended =
      stored.status != ExecutionStatus::kRunning && stored.status != ExecutionStatus::kQuarantined;
  if (stored.status == ExecutionStatus::kQuarantined) {
    lane.Post(lane_message::Gone{.key = stored.key,
                                 .status = errors::ExecutionQuarantined(NameOf(stored))});
    return;
  }
  if (!is_ended && stored.owner != node_->me()) {  // another node's: it hears from its own
    lane.Post(lane_message::Gone{.key = stored.key, .status = errors::DatabaseUnavailable()});
    return;
  }
  absl::StatusOr<Workflows::Startable> of =
      workflows_->FindByKey(stored.workflow_key, stored.revision);
  if (absl::IsFailedPrecondition(of.status())) {  // no node of this version can run it
    return IsAlone() ? SetAside(stored, of.status()) : LeaveToOthers(stored);
  }
  if (!of.ok()) {
    Log(LogLevel::kWarning, "an execution's workflow cannot be read",
        {{"execution", stored.key.uuid.ToString()}, {"error", std::string(of.status().message())}});
    if (absl::IsUnavailable(of.status()) || absl::IsAborted(of.status())) {
      return ReadAgain(stored.key);
    }
    lane.Post(lane_message::Gone{.key = stored.key, .status = errors::DatabaseUnavailable()});
    return;
  }
  std::string reason;
  try {
    absl::StatusOr<FoldedExecution> folded = Fold(stored, *std::move(of));
    if (folded.ok()) {
      lane.Post(lane_message::TakenUp{
          .folded = *std::move(folded), .token = token, .fence_guard = std::move(fence_guard)});
      return;
    }
    if (absl::IsUnimplemented(folded.status())) {
      return LeaveToOthers(stored);
    }
    reason = std::string(folded.status().message());
  } catch (const BrokenInvariant& broken) {
    reason = broken.what();
  }
  Log(LogLevel::kError, "an execution cannot be folded",
      {{"execution", stored.key.uuid.ToString()}, {"reason", reason}});
  SetAside(stored, absl::DataLossError(reason));
}

void Keeper::LeaveToOthers(const StoredExecution& stored) {
  Log(LogLevel::kWarning, "an execution is for a newer version: released",
      {{"execution", stored.key.uuid.ToString()}});
  storage_->Release(node_->me(), {stored.key}, kRestOfNewerFormats).IgnoreError();
  lane_of_(stored.key)
      .Post(lane_message::Gone{.key = stored.key, .status = errors::DatabaseUnavailable()});
}

void Keeper::SetAside(const StoredExecution& stored, const absl::Status& why) {
  absl::Status answer = why;
  if (stored.status == ExecutionStatus::kRunning) {
    Log(LogLevel::kError, "an execution is quarantined",
        {{"execution", stored.key.uuid.ToString()}});
    storage_->Quarantine(node_->me(), stored.key, std::string(why.message())).IgnoreError();
    answer = errors::ExecutionQuarantined(NameOf(stored));
  }
  lane_of_(stored.key).Post(lane_message::Gone{.key = stored.key, .status = std::move(answer)});
}

absl::StatusOr<Keeper::HeldClaims> Keeper::ListHeld() {
  HeldClaims held;
  for (LaneInbox* lane : lanes_) {
    auto answer = std::make_shared<std::promise<std::vector<Claim>>>();
    std::future<std::vector<Claim>> listed = answer->get_future();
    lane->Post(lane_message::ListHeld{
        .done = [answer](std::vector<Claim> claims) { answer->set_value(std::move(claims)); }});
    if (listed.wait_for(std::chrono::seconds(5)) != std::future_status::ready) {
      return absl::UnavailableError("a lane does not answer");
    }
    for (const Claim& claim : listed.get()) held[claim.key] = claim.claims;
  }
  return held;
}

// What the table says this node owns, against what it holds, by (key, claims). Both change while
// they are read, so only what the lanes said before and after the table was read counts as wrong.
absl::Status Keeper::Compare() {
  const int64_t now = SteadyNanos();
  compare_asked_ = false;
  const absl::Status status = CompareNow();
  if (status.ok()) {
    compared_nanos_ = now;
  } else {
    compare_asked_ = true;
  }
  return status;
}

absl::Status Keeper::CompareNow() {
  MILLRACE_ASSIGN_OR_RETURN(const HeldClaims before, ListHeld());
  MILLRACE_ASSIGN_OR_RETURN(const ExecutionStorage::Owned owned, storage_->ReadOwned(node_->me()));
  if (owned.token != node_->lease().token) {
    return absl::AbortedError("the database is another one: the next heartbeat tells");
  }
  node_->ExtendDeadline(owned.now);
  MILLRACE_ASSIGN_OR_RETURN(const HeldClaims after, ListHeld());
  const auto holds = [](const HeldClaims& held, const Claim& claim) {
    const auto found = held.find(claim.key);
    return found != held.end() && (found->second == claim.claims || found->second == kBeingRead);
  };
  absl::flat_hash_set<ExecutionKey> risky;
  for (const Claim& claim : risky_) risky.insert(claim.key);
  absl::flat_hash_set<ExecutionKey> own;
  for (const Claim& claim : owned.claims) {
    own.insert(claim.key);
    if (risky.contains(claim.key)) continue;  // waits for its turn
    if (!holds(before, claim) && !holds(after, claim)) ReadAgain(claim.key);
  }
  for (const auto& [key, claims] : before) {
    const auto still = after.find(key);
    if (claims == kBeingRead || own.contains(key)) continue;
    if (still == after.end() || still->second != claims) continue;
    lane_of_(key).Post(lane_message::Drop{.key = key, .claims = claims});
  }
  return absl::OkStatus();
}

}  // namespace millrace
