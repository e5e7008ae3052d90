#pragma once

#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/json/json.h"
#include "engine/languages/place.h"
#include "engine/languages/problem_list.h"

namespace millrace {

// What a number of a definition may be.
struct NumberRule {
  double min = 0;
  double max = std::numeric_limits<double>::max();
  bool is_integer = true;
};

// Reads the fields of one object of a definition. Each call that names a field makes it known;
// ReportUnknownFields() then reports the others, so that no field is ever ignored. What is absent
// or of the wrong type is given back as nothing; the latter is reported too.
//
//   ObjectReader fields(json, place, "A Wait state", &problems);
//   const std::optional<std::string> next = fields.RequireText("Next");
//   fields.ReportUnknownFields();
class ObjectReader {
 public:
  // `what` begins messages. All that is given outlives the reader; `json` is an object.
  ObjectReader(const Json& json, const Place& place, std::string what, ProblemList* problems);

  // Whether `json` is an object; reported if not.
  static bool IsObject(const Json& json, const Place& place, absl::string_view what,
                       ProblemList* problems);

  bool Has(absl::string_view field);
  const Json* Find(absl::string_view field);
  const Json* FindObject(absl::string_view field);
  const Json* FindArray(absl::string_view field);  // not empty
  std::optional<std::string> FindText(absl::string_view field);
  std::optional<bool> FindBool(absl::string_view field);
  // Of a lenient compilation, one that breaks the rule gives the nearest that does not.
  std::optional<double> FindNumber(absl::string_view field, const NumberRule& rule);

  // As above, but a field that is absent is reported.
  const Json* RequireObject(absl::string_view field);
  const Json* RequireArray(absl::string_view field);
  std::optional<std::string> RequireText(absl::string_view field);

  // Reports if more than one of the fields is here, or, with `is_required`, none. True for one.
  bool OneOf(std::initializer_list<absl::string_view> fields, bool is_required);

  void Report(absl::string_view field, absl::string_view code, std::string message);
  void Forbid(absl::string_view field, absl::string_view code, std::string message);
  void Warn(absl::string_view field, absl::string_view code, std::string message);
  void ReportUnknownFields();

  const Json& json() const { return json_; }
  const Place& place() const { return place_; }
  const std::string& what() const { return what_; }
  ProblemList* problems() const { return problems_; }

 private:
  const Json* Require(absl::string_view field);
  const Json* OfKind(absl::string_view field, const Json* value, Json::Kind kind);
  std::optional<std::string> AsText(absl::string_view field, const Json* value);

  const Json& json_;
  const Place& place_;
  std::string what_;
  ProblemList* problems_;
  std::vector<std::string> known_;
};

}  // namespace millrace
