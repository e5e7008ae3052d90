#include "absl/strings/str_cat.h"
#include "engine/core/states/outcome.h"

namespace millrace {
namespace {

// Without an ItemSelector an item is its iteration's input.
AslResult<Json> ReadJsonataItems(const MapState& map, Evaluation& evaluation) {
  if (map.items.has_value()) {
    AslResult<Json> items = evaluation.Fill(*map.items, "Items");
    if (!items.ok() || items->is_array()) return items;
    return evaluation.QueryError(*map.items, "Items", "array", *items);
  }
  const Json& input = evaluation.frame().data;
  if (input.is_array()) return input;
  return evaluation.QueryError(
      "", absl::StrCat("Map state input must be an array but was: ", input.ToText()));
}

AslResult<Json> ReadItems(const MapState& map, Evaluation& evaluation) {
  if (evaluation.is_jsonata()) return ReadJsonataItems(map, evaluation);
  const AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return input.error();
  AslResult<Json> items = *input;
  if (map.items_path.has_value()) {
    items = evaluation.Select({.path = map.items_path}, *input);
    if (!items.ok()) return items;
  }
  if (items->is_array()) return items;
  return evaluation.RuntimeError(
      absl::StrCat("Reference path '", map.items_path.has_value() ? map.items_path->text() : "$",
                   "' must point to array."));
}

}  // namespace

Outcome Enter(const MapState& map, Evaluation& evaluation) {
  AslResult<Json> items = ReadItems(map, evaluation);
  if (!items.ok()) return Fail{items.error()};
  const AslResult<double> concurrency =
      ReadNumber(map.max_concurrency, evaluation, evaluation.frame().data);
  if (!concurrency.ok()) return Fail{concurrency.error()};
  return RunItems{.items = *std::move(items),
                  .concurrency_max = static_cast<int64_t>(*concurrency)};
}

AslResult<Json> ItemInput(const MapState& map, Evaluation& evaluation, int64_t index,
                          const Json& item) {
  if (!map.item_selector.has_value()) return item;
  const AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return input;
  evaluation.SetItem(index, item);
  AslResult<Json> selected = evaluation.Fill(*map.item_selector, *input, "ItemSelector");
  if (!selected.ok()) return selected;
  if (std::optional<AslError> error = CheckSize(evaluation, evaluation.state().name, *selected)) {
    return *std::move(error);
  }
  return selected;
}

}  // namespace millrace
