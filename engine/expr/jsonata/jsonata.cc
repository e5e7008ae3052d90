#include "engine/expr/jsonata/jsonata.h"

#include "engine/expr/jsonata/compiler.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/parser.h"
#include "engine/expr/jsonata/utf8.h"

namespace millrace {
namespace {

namespace internal = jsonata_internal;

// Positions are kept in bytes as long as nobody looks at them.
JsonataError ToErrorIn(absl::string_view text, const internal::Failure& failure) {
  JsonataError error = internal::ToError(failure);
  if (error.position) error.position = internal::CountChars(text.substr(0, *error.position));
  return error;
}

}  // namespace

std::variant<Jsonata, JsonataError> Jsonata::Parse(absl::string_view text, JsonataDialect dialect) {
  const auto program = std::make_shared<internal::Program>();
  program->text = std::string(text);
  program->is_states_language = dialect == JsonataDialect::kStatesLanguage;
  try {
    internal::Parse(program->text, program.get());
    internal::Compile(program.get());
  } catch (const internal::Failure& failure) {
    return ToErrorIn(text, failure);
  }
  return Jsonata(program);
}

JsonataResult Jsonata::Evaluate(const Json* input, absl::Span<const JsonataBinding> bindings,
                                const JsonataOptions& options) const {
  internal::Evaluation evaluation(*program_, {.limits = options.limits,
                                              .now = options.now,
                                              .seed = options.seed,
                                              .is_states_language = program_->is_states_language});
  const auto count_steps = [&] {
    if (options.steps_used != nullptr) {
      *options.steps_used = options.limits.steps_max - evaluation.steps_left();
    }
  };
  try {
    for (const JsonataBinding& binding : bindings) {
      evaluation.BindGlobal(binding.name, internal::Value::Borrow(binding.value));
    }
    const internal::Value value =
        evaluation.Run(input == nullptr ? internal::Value() : internal::Value::Borrow(*input));
    count_steps();
    if (value.is_undefined()) return JsonataResult::Undefined();
    if (value.is_function()) return JsonataResult::Function();
    Json json = evaluation.ToJson(value);
    count_steps();
    return JsonataResult::Of(std::move(json));
  } catch (const internal::Failure& failure) {
    count_steps();
    return JsonataResult::Error(ToErrorIn(program_->text, failure));
  }
}

const std::string& Jsonata::text() const { return program_->text; }

}  // namespace millrace
