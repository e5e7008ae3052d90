#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "engine/languages/object_reader.h"
#include "engine/program/program.h"

// Fields of JSONata mode, as any object of a definition may have them.
namespace millrace::asl {

// Any JSON, with expressions in its strings.
std::optional<JsonataTemplate> ReadJsonata(ObjectReader& fields, absl::string_view field);

// Assign: an object whose keys are names of variables.
std::optional<Template> ReadJsonataAssign(ObjectReader& fields);

// A number, or an expression that gives one.
std::optional<NumberField> ReadJsonataNumber(ObjectReader& fields, absl::string_view field,
                                             const NumberRule& rule);

// A text, or an expression that gives one.
std::optional<TextField> ReadJsonataText(ObjectReader& fields, absl::string_view field);

// Whether the field is a string that is an expression.
bool IsJsonataExpression(ObjectReader& fields, absl::string_view field);

}  // namespace millrace::asl
