#include "engine/tasks/item_reader.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/tasks/csv.h"

namespace millrace {
namespace {

constexpr int64_t kItemsMax = 100'000'000;
// All items of one Map are in memory together.
constexpr size_t kObjectBytesMax = 32u << 20;

AslError Failed(absl::string_view cause) {
  return {.name = "States.ItemReaderFailed", .cause = std::string(cause)};
}

std::string TextIn(const Json& request, absl::string_view name) {
  const Json* text = request.Find(name);
  return text != nullptr && text->is_string() ? std::string(text->AsString()) : "";
}

int64_t ItemsMaxOf(const Json& request) {
  const Json* most = request.Find("MaxItems");
  return most == nullptr ? kItemsMax : most->ToInt64().value_or(kItemsMax);
}

AslResult<Json> ReadArray(absl::string_view body, int64_t items_max) {
  const absl::StatusOr<Json> json = ParseJson(body, {.text_bytes_max = kObjectBytesMax});
  if (!json.ok()) {
    return Failed(absl::StrCat("The object is no JSON text: ", json.status().message()));
  }
  if (!json->is_array()) return Failed("Attempting to map over non-iterable node.");
  if (static_cast<int64_t>(json->size()) <= items_max) return *json;
  const auto elements = json->elements();
  return Json::Array({elements.begin(), elements.begin() + items_max});
}

AslResult<Json> ReadLines(absl::string_view body, int64_t items_max) {
  std::vector<Json> items;
  int64_t number = 0;
  for (const absl::string_view line : absl::StrSplit(body, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    if (static_cast<int64_t>(items.size()) >= items_max) break;
    absl::StatusOr<Json> json = ParseJson(line, {.text_bytes_max = kObjectBytesMax});
    if (!json.ok()) {
      return Failed(absl::StrCat("Line ", number, " is no JSON text: ", json.status().message()));
    }
    items.push_back(*std::move(json));
  }
  return Json::Array(std::move(items));
}

char DelimiterOf(const Json& request) {
  const std::string name = TextIn(request, "CSVDelimiter");
  if (name == "PIPE") return '|';
  if (name == "SEMICOLON") return ';';
  if (name == "SPACE") return ' ';
  if (name == "TAB") return '\t';
  return ',';
}

// What a row lacks is "", and what it has beyond the headers is dropped.
Json MakeItem(const std::vector<std::string>& headers, const std::vector<std::string>& row) {
  std::vector<JsonMember> members;
  members.reserve(headers.size());
  for (size_t i = 0; i < headers.size(); ++i) {
    members.push_back({Json(headers[i]), Json(i < row.size() ? row[i] : "")});
  }
  return Json::Object(std::move(members));
}

AslResult<Json> ReadCsv(absl::string_view body, const Json& request) {
  const bool is_given = TextIn(request, "CSVHeaderLocation") == "GIVEN";
  const int64_t items_max = ItemsMaxOf(request);
  absl::ConsumePrefix(&body, "\xEF\xBB\xBF");
  std::vector<std::vector<std::string>> rows =
      ParseCsv(body, DelimiterOf(request), is_given ? items_max : items_max + 1);
  std::vector<std::string> headers;
  if (const Json* given = request.Find("CSVHeaders"); is_given && given != nullptr) {
    for (const Json& header : given->elements()) headers.emplace_back(header.AsString());
  } else if (!rows.empty()) {
    headers = std::move(rows.front());
    rows.erase(rows.begin());
  }
  const absl::flat_hash_set<std::string> distinct(headers.begin(), headers.end());
  if (distinct.size() < headers.size()) return Failed("CSV headers cannot contain duplicates.");
  std::vector<Json> items;
  items.reserve(rows.size());
  for (const std::vector<std::string>& row : rows) items.push_back(MakeItem(headers, row));
  return Json::Array(std::move(items));
}

AslResult<Json> ListItems(ObjectStore& store, const Json& request) {
  const auto most = static_cast<size_t>(ItemsMaxOf(request));
  const auto objects = store.List(TextIn(request, "Bucket"), TextIn(request, "Prefix"), most);
  if (!objects.ok()) return Failed(objects.status().message());
  std::vector<Json> items;
  items.reserve(objects->size());
  for (const StoredObject& object : *objects) {
    items.push_back(Json::Object({{"Etag", Json(absl::StrCat("\"", object.etag, "\""))},
                                  {"Key", Json(object.key)},
                                  {"LastModified", Json(absl::ToUnixSeconds(object.changed_at))},
                                  {"Size", Json(object.bytes)},
                                  {"StorageClass", Json("STANDARD")}}));
  }
  return Json::Array(std::move(items));
}

}  // namespace

AslResult<Json> ReadMapItems(ObjectStore& store, const Json& request) {
  const std::string action = TextIn(request, "Action");
  const std::string type = TextIn(request, "InputType");
  if (action == "listObjectsV2") return ListItems(store, request);
  if (action != "getObject") {
    return Failed(absl::StrCat("Items are read by getObject or listObjectsV2; '", action,
                               "' is not served here."));
  }
  if (type != "CSV" && type != "JSONL" && type != "JSON" && !type.empty()) {
    return Failed(
        absl::StrCat("The InputType is JSON, JSONL or CSV; '", type, "' is not served here."));
  }
  for (const absl::string_view field : {"ItemsPointer", "Transformation"}) {
    const std::string value = TextIn(request, field);
    if (value.empty() || value == "NONE") continue;
    return Failed(absl::StrCat("The field '", field, "' of ReaderConfig is not served here."));
  }
  const absl::StatusOr<std::string> body =
      store.Get(TextIn(request, "Bucket"), TextIn(request, "Key"), kObjectBytesMax);
  if (!body.ok()) return Failed(body.status().message());
  if (type == "CSV") return ReadCsv(*body, request);
  if (type == "JSONL") return ReadLines(*body, ItemsMaxOf(request));
  return ReadArray(*body, ItemsMaxOf(request));
}

}  // namespace millrace
