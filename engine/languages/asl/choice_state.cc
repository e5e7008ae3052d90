#include "engine/languages/asl/choice_state.h"

#include <optional>
#include <utility>
#include <vector>

#include "engine/languages/asl/asw.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/field_rules.h"
#include "engine/languages/asl/transition.h"

namespace millrace::asl {
namespace {

// ChoiceCondition reads, and checks, all fields but these.
void ReadRule(const Json& json, const Place& place, const StateSource& source,
              ChoiceState* choice) {
  ProblemList* problems = source.fields.problems();
  if (!ObjectReader::IsObject(json, place, "A Choice rule", problems)) {
    MarkIncomplete(source);
    return;
  }
  ObjectReader fields(json, place, "A Choice rule", problems);
  std::vector<TemplateProblem> condition_problems;
  ChoiceState::Rule rule{.condition = ChoiceCondition::Parse(
                             source.is_asw() ? AswChoiceRule(json) : json, &condition_problems)};
  problems->AddBelow(place, problem_code::kInvalidCondition, condition_problems);
  fields.FindText("Comment");
  ReportFieldsOfOtherLanguage(fields, /*is_jsonata=*/false);
  rule.assign = ReadAssign(fields);
  const std::optional<StateIndex> next =
      ReadTarget(fields, "Next", /*is_required=*/true, source.machine, &source.compilation);
  if (!next) return;
  rule.next = *next;
  choice->rules.push_back(std::move(rule));
}

}  // namespace

void ReadChoiceState(const StateSource& source, State* state) {
  ObjectReader& fields = source.fields;
  ChoiceState choice;
  if (const Json* rules = fields.RequireArray("Choices")) {
    const Place list = fields.place().At("Choices");
    for (size_t i = 0; i < rules->size(); ++i) {
      ReadRule(rules->elements()[i], list.At(i), source, &choice);
    }
  }
  if (choice.rules.empty()) MarkIncomplete(source);
  choice.default_next =
      ReadTarget(fields, "Default", /*is_required=*/false, source.machine, &source.compilation);
  state->body = std::move(choice);
  state->flow.input_path = ReadPath(fields, "InputPath");
  if (source.is_asw()) {  // of what is passed on
    state->flow.result_selector = ReadObjectTemplate(fields, "ResultSelector");
    state->flow.result_path = ReadResultPath(fields);
  }
  state->flow.output_path = ReadPath(fields, "OutputPath");
  state->flow.assign = ReadAssign(fields);
}

}  // namespace millrace::asl
