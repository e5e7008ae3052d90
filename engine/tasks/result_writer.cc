#include "engine/tasks/result_writer.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/hash.h"

namespace millrace {
namespace {

std::string TextIn(const Json& json, absl::string_view name) {
  const Json* text = json.Find(name);
  return text != nullptr && text->is_string() ? std::string(text->AsString()) : "";
}

Json Describe(const Json& batch, const std::string& run) {
  std::vector<JsonMember> members = {
      {Json("Name"), Json(absl::StrCat(run, ":", batch.Find("Index")->ToText()))},
      {Json("Status"), *batch.Find("Status")}};
  if (const Json* output = batch.Find("Output")) {
    members.push_back({Json("Output"), Json(output->ToText())});
    members.push_back({Json("OutputDetails"), Json::Object({{"Included", Json(true)}})});
  }
  for (const absl::string_view name : {"Error", "Cause"}) {
    if (const Json* text = batch.Find(name)) members.push_back({Json(name), *text});
  }
  return Json::Object(std::move(members));
}

void AddBatch(const Json& batch, const Json& request, std::vector<Json>* entries) {
  const std::string transformation = TextIn(request, "Transformation");
  const Json* output = batch.Find("Output");
  const bool is_whole = transformation.empty() || transformation == "NONE" || output == nullptr;
  if (is_whole) {
    entries->push_back(Describe(batch, TextIn(request, "MapRun")));
  } else if (transformation == "FLATTEN" && output->is_array()) {
    entries->insert(entries->end(), output->elements().begin(), output->elements().end());
  } else {
    entries->push_back(*output);
  }
}

std::string ToBody(const std::vector<Json>& entries, bool is_lines) {
  if (!is_lines) return Json::Array(entries).ToText();
  std::string body;
  for (const Json& entry : entries) absl::StrAppend(&body, entry.ToText(), "\n");
  return body;
}

// Prefix/{a name of the run that is short and fit for a key}/
std::string FolderOf(const Json& request) {
  std::string folder = TextIn(request, "Prefix");
  if (!folder.empty() && !absl::EndsWith(folder, "/")) folder.push_back('/');
  const std::string hash = absl::BytesToHexString(Sha256(TextIn(request, "MapRun")));
  return absl::StrCat(folder, hash.substr(0, 32), "/");
}

class Writer {
 public:
  Writer(ObjectStore& store, const Json& request)
      : store_(store), bucket_(TextIn(request, "Bucket")), folder_(FolderOf(request)) {}

  // The manifest's entry of a file; none where there is nothing to write.
  absl::StatusOr<Json> Write(const std::string& name, const std::vector<Json>& entries,
                             bool is_lines) {
    if (entries.empty()) return Json::Array();
    const std::string body = ToBody(entries, is_lines);
    const std::string key = absl::StrCat(folder_, name, is_lines ? ".jsonl" : ".json");
    const absl::Status status = store_.Put(bucket_, key, body);
    if (!status.ok()) return status;
    return Json::Array(
        {Json::Object({{"Key", Json(key)}, {"Size", Json(static_cast<int64_t>(body.size()))}})});
  }

  absl::StatusOr<Json> WriteManifest(const std::string& run, const Json& succeeded,
                                     const Json& failed) {
    const Json manifest = Json::Object({{"DestinationBucket", Json(bucket_)},
                                        {"MapRunArn", Json(run)},
                                        {"ResultFiles", Json::Object({{"FAILED", failed},
                                                                      {"PENDING", Json::Array()},
                                                                      {"SUCCEEDED", succeeded}})}});
    const std::string key = absl::StrCat(folder_, "manifest.json");
    const absl::Status status = store_.Put(bucket_, key, manifest.ToText());
    if (!status.ok()) return status;
    return Json::Object(
        {{"MapRunArn", Json(run)},
         {"ResultWriterDetails", Json::Object({{"Bucket", Json(bucket_)}, {"Key", Json(key)}})}});
  }

 private:
  ObjectStore& store_;
  const std::string bucket_;
  const std::string folder_;
};

AslError Failed(const absl::Status& status) {
  return {.name = "States.ResultWriterFailed", .cause = std::string(status.message())};
}

}  // namespace

AslResult<Json> WriteMapResults(ObjectStore& store, const Json& request, const Json& results) {
  std::vector<Json> succeeded;
  std::vector<Json> failed;
  for (const Json& batch : results.elements()) {
    const bool is_success = *batch.Find("Status") == Json("SUCCEEDED");
    AddBatch(batch, request, is_success ? &succeeded : &failed);
  }
  const bool is_lines = TextIn(request, "OutputType") == "JSONL";
  Writer writer(store, request);
  const absl::StatusOr<Json> good = writer.Write("SUCCEEDED_0", succeeded, is_lines);
  if (!good.ok()) return Failed(good.status());
  const absl::StatusOr<Json> bad = writer.Write("FAILED_0", failed, is_lines);
  if (!bad.ok()) return Failed(bad.status());
  absl::StatusOr<Json> result = writer.WriteManifest(TextIn(request, "MapRun"), *good, *bad);
  if (!result.ok()) return Failed(result.status());
  return *std::move(result);
}

}  // namespace millrace
