#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace millrace {

// How a Task waits for what a service does.
enum class CallPattern {
  kRequestResponse,   // for the answer
  kRunJob,            // ".sync", ".sync:2": until the job that was started is done
  kWaitForTaskToken,  // ".waitForTaskToken": until someone sends the token back
};

// What "arn:aws:states:::{service}:{action}{suffix}" says.
struct Integration {
  absl::string_view service;  // "sqs", "aws-sdk:s3"
  absl::string_view action;   // "sendMessage"
  CallPattern pattern = CallPattern::kRequestResponse;
};

// Takes "sendMessage.waitForTaskToken" apart. nullopt if the suffix is none of the known.
std::optional<Integration> ParseIntegration(absl::string_view service, absl::string_view action);

// What is wrong with an integration, "" if nothing is. The services that the language calls in a
// form of their own are known with their actions; an action of another service is taken on trust.
std::string CheckIntegration(const Integration& integration);

}  // namespace millrace
