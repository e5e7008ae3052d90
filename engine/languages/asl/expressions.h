#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "engine/languages/object_reader.h"
#include "engine/program/program.h"

// Fields that hold paths and templates of JSONPath mode, as any object of a definition may.
namespace millrace::asl {

// `$`, which selects everything.
const JsonPath& RootPath();

// A Path, as InputPath: `$` if absent, nothing if null.
PathField ReadPath(ObjectReader& fields, absl::string_view field);

// A Reference Path: at most one value, by names and indexes.
std::optional<JsonPath> ReadReferencePath(ObjectReader& fields, absl::string_view field);

// ResultPath: a Reference Path into the data. `$` if absent, nothing if null.
ResultPathField ReadResultPath(ObjectReader& fields);

// A Payload Template: any JSON, though only objects in it can have paths.
std::optional<PayloadTemplate> ReadTemplate(ObjectReader& fields, absl::string_view field);

// A Payload Template that is an object.
std::optional<PayloadTemplate> ReadObjectTemplate(ObjectReader& fields, absl::string_view field);

// Assign: a Payload Template whose keys are names of variables.
std::optional<PayloadTemplate> ReadAssign(ObjectReader& fields);

// Reports members of `assign` that are no names of variables, with or without `.$`.
void CheckVariableNames(const Json& assign, const Place& place, ProblemList* problems);

// `field` is a number, or `field`Path a Reference Path to one. Both is a problem.
std::optional<NumberField> ReadNumber(ObjectReader& fields, absl::string_view field,
                                      const NumberRule& rule);

// `field` is a text, or `field`Path a Reference Path or an intrinsic function that gives one.
std::optional<TextField> ReadText(ObjectReader& fields, absl::string_view field);

}  // namespace millrace::asl
