#include "engine/runtime/store_calls.h"

#include "engine/tasks/item_reader.h"
#include "engine/tasks/result_writer.h"

namespace millrace {

InvocationResult CallStore(ObjectStore* store, const StoreCall& call) {
  const auto* read = std::get_if<ReadItems>(&call);
  if (store == nullptr) {
    return AslError{
        .name = read != nullptr ? "States.ItemReaderFailed" : "States.ResultWriterFailed",
        .cause = "There is no object store here to read from and write to."};
  }
  if (read != nullptr) return ReadMapItems(*store, read->request);
  const auto& write = std::get<WriteResults>(call);
  return WriteMapResults(*store, write.request, write.results);
}

}  // namespace millrace
