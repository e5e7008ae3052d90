#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace millrace {

// One line of a scenario: a verb, and the rest of it, which goes on in the indented lines below.
struct ScenarioLine {
  int number = 0;
  std::string verb;
  std::string rest;
};

// What a workflow does, step by step: the lines from one `workflow` to the next.
//   workflow   JSON             the definition; ASW JSON: in that language
//   object     BUCKET/KEY TEXT  an object that it may read; a JSON string is its text
//   start      JSON             starts it
//   invokes    NAME JSON        it calls the function, with this
//   answer     NAME JSON        the oldest call of NAME is answered; NAME#2: the second oldest
//   fails      NAME ERROR CAUSE the same call fails
//   advance    10s              time goes on; alarms ring in their order
//   stop       ERROR CAUSE
//   waits                       it has not ended
//   succeeds   JSON             it has ended so
//   fails-with ERROR CAUSE      "-" is no error's name; no cause is checked where none is given
//   holds      BUCKET/KEY JSON  it has written this object
//   times-out
//   aborted    ERROR CAUSE
//   history    TYPE TYPE ...    the whole history; TYPE<3 is one whose previous id is 3
struct Scenario {
  std::string file;
  std::string title;  // the comment before it
  std::vector<ScenarioLine> lines;
};

// A definition, and the language before it: "ASL" if there is none.
struct ScenarioWorkflow {
  std::string language;
  std::string definition;
};
ScenarioWorkflow ParseWorkflow(absl::string_view text);

// All scenarios of tests/scenarios, by file and in order.
std::vector<Scenario> ReadScenarios();

// For INSTANTIATE_TEST_SUITE_P: "wait_line_12".
std::string ScenarioTestName(const ::testing::TestParamInfo<Scenario>& info);
void PrintTo(const Scenario& scenario, std::ostream* out);

}  // namespace millrace
