#pragma once

#include <vector>

#include "db/pool.h"
#include "engine/runtime/integrity_storage.h"

namespace millrace::db {

// IntegrityStorage on PostgreSQL. Each call is one statement that reads by primary keys.
class PgIntegrity : public IntegrityStorage {
 public:
  // `pool` outlives this.
  explicit PgIntegrity(Pool* pool) : pool_(*pool) {}

  absl::StatusOr<int> CountLiveNodes(absl::Duration age_max) override;
  absl::StatusOr<FactsSlice> ReadFactsAfter(const ExecutionKey& after, int limit) override;
  absl::StatusOr<FactsSlice> ReadFacts(const std::vector<ExecutionKey>& keys) override;
  absl::StatusOr<std::vector<KeyFacts>> ReadKeysAfter(KeyedTable table, const ExecutionKey& after,
                                                      absl::Duration age_min, int limit) override;

 private:
  Pool& pool_;
};

}  // namespace millrace::db
