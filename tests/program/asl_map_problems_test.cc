// What a Map has beside an array from its input.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/program/asl_support.h"

namespace millrace {
namespace {

constexpr absl::string_view kStates = R"("StartAt": "A", "States": {"A": {"Type": "Succeed"}})";

std::string Inline(absl::string_view fields) {
  return OnlyState(
      absl::StrCat(R"("Type": "Map", "End": true, "ItemProcessor": {)", kStates, "}, ", fields));
}

std::string Distributed(absl::string_view fields, absl::string_view config = "") {
  return OnlyState(absl::StrCat(
      R"("Type": "Map", "End": true, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED")",
      config, "}, ", kStates, "}, ", fields));
}

std::string Reading(absl::string_view config) {
  return Distributed(absl::StrCat(
      R"("ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {)", config,
      R"(}, "Parameters": {"Bucket": "b", "Key.$": "$.key"}})"));
}

TEST(AslMap, ToleratesNumbersOfFailuresInTheirBounds) {
  ExpectFindings({
      {Inline(R"("ToleratedFailureCount": 1, "ToleratedFailurePercentage": 12.5)"), {}},
      {Distributed(R"("ToleratedFailureCountPath": "$.n", "ToleratedFailurePercentagePath": "$v")"),
       {{"/States/S/ToleratedFailurePercentagePath", "UNASSIGNED_VARIABLE"}}},
      {Distributed(R"("ToleratedFailureCount": -1, "ToleratedFailurePercentage": 100.5)"),
       {{"/States/S/ToleratedFailureCount", "INVALID_VALUE"},
        {"/States/S/ToleratedFailurePercentage", "INVALID_VALUE"}}},
      {Distributed(R"("ToleratedFailureCount": 1, "ToleratedFailureCountPath": "$.n")"),
       {{"/States/S/ToleratedFailureCountPath", "CONFLICTING_FIELDS"}}},
  });
}

TEST(AslMap, SaysItsModeOrHasFieldsThatImplyIt) {
  const std::string batcher = R"("ItemBatcher": {"MaxItemsPerBatch": 2})";
  const std::string writer =
      R"("ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}})";
  ExpectFindings({
      {Distributed(batcher + ", " + writer, R"(, "ExecutionType": "EXPRESS")"), {}},
      {Inline(batcher), {{"/States/S/ItemBatcher", "IMPLIED_MODE"}}},
      {Inline(writer), {{"/States/S/ResultWriter", "IMPLIED_MODE"}}},
      {Inline(R"("Label": "x")"), {{"/States/S/Label", "CONFLICTING_FIELDS"}}},
      {OnlyState(absl::StrCat(
           R"("Type": "Map", "End": true, "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, )",
           kStates, "}, ", batcher)),
       {{"/States/S/ItemBatcher", "CONFLICTING_FIELDS"}}},
      {Distributed(batcher, R"(, "ExecutionType": "FAST")"),
       {{"/States/S/ItemProcessor/ProcessorConfig/ExecutionType", "INVALID_VALUE"}}},
  });
  const CompileResult express = Compile("ASL", Distributed(batcher), {.is_express = true});
  EXPECT_THAT(Findings(express),
              ::testing::ElementsAre(
                  Finding("/States/S/ItemProcessor/ProcessorConfig/Mode", "NOT_IN_EXPRESS")));
}

TEST(AslMap, HasALabelOfFortyPlainCharacters) {
  std::string umlauts;
  for (int i = 0; i < 40; ++i) umlauts += "\xC3\xA4";
  ExpectFindings({
      {Distributed("\"Label\": \"" + umlauts + "\""), {}},
      {Distributed("\"Label\": \"" + umlauts + "x\""), {{"/States/S/Label", "INVALID_VALUE"}}},
      {Distributed(R"("Label": "")"), {{"/States/S/Label", "INVALID_VALUE"}}},
      {Distributed(R"("Label": 1)"), {{"/States/S/Label", "WRONG_TYPE"}}},
  });
  for (const absl::string_view bad :
       {" ", "?", "*", "<",    ">",       "{",       "}",       "[",      "]",
        ":", ";", ",", "\\\\", "|",       "^",       "~",       "$",      "#",
        "%", "&", "`", "\\\"", "\\u0001", "\\u007f", "\\u0080", "\\u009f"}) {
    SCOPED_TRACE(std::string(bad));
    ExpectFindings({{Distributed(absl::StrCat("\"Label\": \"a", bad, "b\"")),
                     {{"/States/S/Label", "INVALID_VALUE"}}}});
  }
}

TEST(AslMap, ReadsItemsAsItsConfigSays) {
  const std::string config = "/States/S/ItemReader/ReaderConfig";
  ExpectFindings({
      {Reading(R"("InputType": "JSON", "MaxItems": 5)"), {}},
      {Reading(R"("InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"],
                  "CSVDelimiter": "PIPE", "MaxItemsPath": "$.n")"),
       {}},
      {Reading(R"("InputType": "CVS", "CSVDelimiter": ";", "MaxItems": -1, "Speed": 1)"),
       {{config + "/InputType", "INVALID_VALUE"},
        {config + "/CSVDelimiter", "INVALID_VALUE"},
        {config + "/MaxItems", "INVALID_VALUE"},
        {config + "/Speed", "UNKNOWN_FIELD"}}},
      {Reading(R"("InputType": "CSV", "CSVHeaderLocation": "GIVEN")"),
       {{config + "/CSVHeaderLocation", "MISSING_FIELD"}}},
      {Reading(R"("InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", 1])"),
       {{config + "/CSVHeaders/1", "WRONG_TYPE"}}},
      {Reading(R"("InputType": "MANIFEST", "ItemsPointer": "/a",
                  "Transformation": "LOAD_AND_FLATTEN")"),
       {{config + "/InputType", "RESOURCE_NOT_SERVED"},
        {config + "/ItemsPointer", "RESOURCE_NOT_SERVED"},
        {config + "/Transformation", "RESOURCE_NOT_SERVED"}}},
      {Distributed(R"("ItemReader": {})"), {{"/States/S/ItemReader", "MISSING_FIELD"}}},
      {Distributed(R"("ItemReader": {"Resource": "arn:aws:states:::dynamodb:scan"})"),
       {{"/States/S/ItemReader/Resource", "RESOURCE_NOT_SERVED"}}},
      {Distributed(R"("ItemReader": 1, "ItemBatcher": [], "ResultWriter": "x")"),
       {{"/States/S/ItemReader", "WRONG_TYPE"},
        {"/States/S/ItemBatcher", "WRONG_TYPE"},
        {"/States/S/ResultWriter", "WRONG_TYPE"}}},
  });
}

TEST(AslMap, MakesBatchesAndWritesResults) {
  ExpectFindings({
      {Distributed(
           R"("ItemBatcher": {"MaxItemsPerBatchPath": "$.n", "MaxInputBytesPerBatch": 262144,
                                      "BatchInput": {"a.$": "$.b"}})"),
       {}},
      {Distributed(R"("ItemBatcher": {})"), {{"/States/S/ItemBatcher", "MISSING_FIELD"}}},
      {Distributed(R"("ItemBatcher": {"MaxItemsPerBatch": 0, "MaxInputBytesPerBatch": 262145})"),
       {{"/States/S/ItemBatcher/MaxItemsPerBatch", "INVALID_VALUE"},
        {"/States/S/ItemBatcher/MaxInputBytesPerBatch", "INVALID_VALUE"}}},
      {Distributed(R"("ItemBatcher": {"MaxItemsPerBatch": 1, "MaxItemsPerBatchPath": "$.n"})"),
       {{"/States/S/ItemBatcher/MaxItemsPerBatchPath", "CONFLICTING_FIELDS"}}},
      {Distributed(R"("ResultWriter": {"WriterConfig": {"OutputType": "JSONL",
                                                        "Transformation": "FLATTEN"}})"),
       {}},
      {Distributed(R"("ResultWriter": {"WriterConfig": {"Transformation": "FLAT"}})"),
       {{"/States/S/ResultWriter/WriterConfig", "MISSING_FIELD"},
        {"/States/S/ResultWriter/WriterConfig/Transformation", "INVALID_VALUE"}}},
      {Distributed(R"("ResultWriter": {"Resource": "arn:aws:states:::s3:getObject"})"),
       {{"/States/S/ResultWriter/Resource", "RESOURCE_NOT_SERVED"}}},
  });
}

TEST(AslMap, HasExpressionsInJsonata) {
  const std::string jsonata = R"("QueryLanguage": "JSONata", )";
  ExpectFindings({
      {Distributed(jsonata + R"("Items": [1, "{% 2 %}"], "MaxConcurrency": "{% 1 %}",
                                "ToleratedFailurePercentage": "{% 1 %}",
                                "ItemBatcher": {"MaxItemsPerBatch": "{% 2 %}",
                                                "BatchInput": {"a": "{% 3 %}"}})"),
       {}},
      {Distributed(jsonata + R"("Items": "x", "ItemBatcher": {"MaxItemsPerBatch": "5"})"),
       {{"/States/S/Items", "WRONG_TYPE"},
        {"/States/S/ItemBatcher/MaxItemsPerBatch", "WRONG_TYPE"}}},
      {Distributed(jsonata + R"("ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
                                               "Arguments": {"Key": "{% ( %}"},
                                               "ReaderConfig": {"MaxItems": "{% ) %}"}})"),
       {{"/States/S/ItemReader/ReaderConfig/MaxItems", "INVALID_EXPRESSION"},
        {"/States/S/ItemReader/Arguments/Key", "INVALID_EXPRESSION"}}},
      {Distributed(jsonata + R"("ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
                                               "Parameters": {}})"),
       {{"/States/S/ItemReader/Parameters", "UNKNOWN_FIELD"}}},
      {Distributed(jsonata + R"("ItemsPath": "$.a", "MaxConcurrencyPath": "$.b")"),
       {{"/States/S/ItemsPath", "WRONG_QUERY_LANGUAGE"},
        {"/States/S/MaxConcurrencyPath", "WRONG_QUERY_LANGUAGE"}}},
  });
}

}  // namespace
}  // namespace millrace
