#include "engine/program/integrations.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace millrace {
namespace {

// The actions of a service, by how they can be waited for: `j` as a job, `t` for a task token.
struct Service {
  absl::string_view name;
  absl::string_view actions;  // "sendMessage/t publish"
};

constexpr Service kServices[] = {
    {"apigateway", "invoke/t"},
    {"athena", "startQueryExecution/j stopQueryExecution getQueryExecution getQueryResults"},
    {"batch", "submitJob/jt"},
    {"bedrock", "invokeModel createModelCustomizationJob/j"},
    {"codebuild",
     "startBuild/j stopBuild batchDeleteBuilds batchGetReports startBuildBatch/j stopBuildBatch "
     "retryBuildBatch/j deleteBuildBatch"},
    {"databrew", "startJobRun/j"},
    {"dynamodb", "getItem putItem deleteItem updateItem"},
    {"ecs", "runTask/jt"},
    {"eks",
     "call createCluster/j deleteCluster/j createFargateProfile/j deleteFargateProfile/j "
     "createNodegroup/j deleteNodegroup/j runJob/j"},
    {"elasticmapreduce",
     "createCluster/j terminateCluster/j addStep/j cancelStep setClusterTerminationProtection "
     "modifyInstanceFleetByName modifyInstanceGroupByName"},
    {"emr-containers", "createVirtualCluster deleteVirtualCluster/j startJobRun/j"},
    {"emr-serverless",
     "createApplication/j startApplication/j stopApplication/j deleteApplication/j startJobRun/j "
     "cancelJobRun/j"},
    {"events", "putEvents/t"},
    {"glue", "startJobRun/j"},
    {"http", "invoke"},
    {"lambda", "invoke/t"},
    {"mediaconvert", "createJob/j"},
    {"sagemaker",
     "createEndpoint createEndpointConfig createHyperParameterTuningJob/j createLabelingJob/j "
     "createModel createProcessingJob/j createTrainingJob/j createTransformJob/j updateEndpoint"},
    {"sns", "publish/t"},
    {"sqs", "sendMessage/t"},
    {"states", "startExecution/jt"},
};

const Service* FindService(absl::string_view name) {
  const auto* found = std::find_if(std::begin(kServices), std::end(kServices),
                                   [name](const Service& service) { return service.name == name; });
  return found == std::end(kServices) ? nullptr : found;
}

// The letters of `action` in the list; nullopt if it is not there.
std::optional<absl::string_view> PatternsOf(const Service& service, absl::string_view action) {
  for (const absl::string_view entry : absl::StrSplit(service.actions, ' ')) {
    const size_t slash = std::min(entry.find('/'), entry.size());
    if (entry.substr(0, slash) == action) return entry.substr(std::min(slash + 1, entry.size()));
  }
  return std::nullopt;
}

std::string NamesOf(const Service& service) {
  std::vector<absl::string_view> names;
  for (const absl::string_view entry : absl::StrSplit(service.actions, ' ')) {
    names.push_back(entry.substr(0, entry.find('/')));
  }
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "'" : (i + 1 == names.size() ? " and '" : ", '"), names[i],
                    "'");
  }
  return text;
}

std::string NotWaitedFor(const Integration& integration) {
  return absl::StrCat("'", integration.service, ":", integration.action, "' cannot be waited for ",
                      integration.pattern == CallPattern::kRunJob ? "as a job, with '.sync'"
                                                                  : "with '.waitForTaskToken'");
}

}  // namespace

std::optional<Integration> ParseIntegration(absl::string_view service, absl::string_view action) {
  Integration integration{.service = service, .action = action};
  if (absl::ConsumeSuffix(&integration.action, ".waitForTaskToken")) {
    integration.pattern = CallPattern::kWaitForTaskToken;
  } else if (absl::ConsumeSuffix(&integration.action, ".sync") ||
             (service == "states" && absl::ConsumeSuffix(&integration.action, ".sync:2"))) {
    integration.pattern = CallPattern::kRunJob;
  }
  const bool is_name = !integration.action.empty() &&
                       std::all_of(integration.action.begin(), integration.action.end(),
                                   [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
  if (!is_name || service.empty()) return std::nullopt;
  return integration;
}

std::string CheckIntegration(const Integration& integration) {
  if (absl::StartsWith(integration.service, "aws-sdk:")) {
    return integration.pattern == CallPattern::kRunJob ? NotWaitedFor(integration) : "";
  }
  const Service* service = FindService(integration.service);
  if (service == nullptr) return "";
  const std::optional<absl::string_view> patterns = PatternsOf(*service, integration.action);
  if (!patterns) {
    return absl::StrCat("'", integration.action, "' is no action of '", integration.service,
                        "', which has ", NamesOf(*service), "; 'aws-sdk:", integration.service, ":",
                        integration.action, "' calls any other");
  }
  const bool is_possible =
      integration.pattern == CallPattern::kRequestResponse ||
      absl::StrContains(*patterns, integration.pattern == CallPattern::kRunJob ? 'j' : 't');
  return is_possible ? "" : NotWaitedFor(integration);
}

}  // namespace millrace
