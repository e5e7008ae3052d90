#include "engine/expr/jsonata/signature.h"

#include <utility>

#include "absl/strings/match.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"

namespace millrace::jsonata_internal {
namespace {

char LetterOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kTuple:
      return 'm';
    case Kind::kNull:
      return 'l';
    case Kind::kBool:
      return 'b';
    case Kind::kNumber:
      return 'n';
    case Kind::kString:
      return 's';
    case Kind::kArray:
      return 'a';
    case Kind::kObject:
      return 'o';
    case Kind::kFunction:
      return 'f';
  }
  return 'm';
}

// What a message calls the elements of an array.
absl::string_view PluralOf(char letter) {
  switch (letter) {
    case 'a':
      return "arrays";
    case 'b':
      return "booleans";
    case 'f':
      return "functions";
    case 'n':
      return "numbers";
    case 'o':
      return "objects";
    case 's':
      return "strings";
    default:
      return "values";
  }
}

// Where the bracket opened at `start` closes; the end of the text where it does not.
size_t FindClosing(absl::string_view text, size_t start, char open, char close) {
  int depth = 0;
  for (size_t at = start; at < text.size(); ++at) {
    if (text[at] == open) ++depth;
    if (text[at] == close && --depth == 0) return at;
  }
  return text.size();
}

}  // namespace

// Assigns letters to parameters, each taking as many as it can and giving back as few as it must.
// Remembers what did not work, so that no signature takes more than its size times the arguments'.
class Signature::Matcher {
 public:
  Matcher(absl::Span<const Parameter> parameters, absl::string_view letters, bool takes_all)
      : parameters_(parameters),
        letters_(letters),
        takes_all_(takes_all),
        counts_(parameters.size()),
        failed_((parameters.size() + 1) * (letters.size() + 1)) {}

  bool Match() { return MatchFrom(0, 0); }
  // How many letters each parameter has taken.
  const std::vector<size_t>& counts() const { return counts_; }
  size_t taken() const { return taken_; }

 private:
  bool MatchFrom(size_t parameter, size_t at) {
    if (parameter == parameters_.size()) {
      taken_ = at;
      return !takes_all_ || at == letters_.size();
    }
    const size_t cell = parameter * (letters_.size() + 1) + at;
    if (failed_[cell]) return false;
    const Parameter& wanted = parameters_[parameter];
    const size_t most = wanted.quantifier == '+' ? letters_.size() - at : 1;
    const size_t least = wanted.quantifier == '?' ? 0 : 1;
    size_t count = 0;
    while (count < most && at + count < letters_.size() &&
           absl::StrContains(wanted.types, letters_[at + count])) {
      ++count;
    }
    for (; count + 1 > least; --count) {
      counts_[parameter] = count;
      if (MatchFrom(parameter + 1, at + count)) return true;
      if (count == 0) break;
    }
    failed_[cell] = true;
    return false;
  }

  const absl::Span<const Parameter> parameters_;
  const absl::string_view letters_;
  const bool takes_all_;
  std::vector<size_t> counts_;
  size_t taken_ = 0;
  std::vector<bool> failed_;
};

std::shared_ptr<const Signature> Signature::Parse(absl::string_view text, size_t position) {
  const auto signature = std::make_shared<Signature>();
  for (size_t at = 1; at < text.size() && text[at] != ':'; ++at) {
    at = signature->ParseParameter(text, at, position);
  }
  for (const Parameter& parameter : signature->parameters_) {
    if (parameter.quantifier != ' ' || parameter.type == 'a') signature->is_plain_ = false;
  }
  return signature;
}

// Returns the place of the last character it has read.
size_t Signature::ParseParameter(absl::string_view text, size_t at, size_t position) {
  const char symbol = text[at];
  const auto add = [this](std::string types, char type) {
    parameters_.push_back({.types = std::move(types), .type = type});
  };
  Parameter* last = parameters_.empty() ? nullptr : &parameters_.back();
  if (absl::StrContains("snblo", symbol)) {
    add({symbol, 'm'}, symbol);
  } else if (symbol == 'a' || symbol == 'x') {
    add("asnblfom", symbol);
  } else if (symbol == 'j') {
    add("asnblom", symbol);
  } else if (symbol == 'f') {
    add("f", symbol);
  } else if (symbol == '(') {
    const size_t end = FindClosing(text, at, '(', ')');
    const absl::string_view choice = text.substr(at + 1, end - at - 1);
    if (absl::StrContains(choice, '<')) Fail({.code = "S0402", .position = position + at});
    add(std::string(choice) + "m", symbol);
    return end;
  } else if (symbol == '<') {
    if (last == nullptr || (last->type != 'a' && last->type != 'f')) {
      Fail({.code = "S0401", .position = position + at});
    }
    const size_t end = FindClosing(text, at, '<', '>');
    last->subtype = std::string(text.substr(at + 1, end - at - 1));
    return end;
  } else if (last != nullptr && symbol == '-') {
    last->uses_context = true;
    last->quantifier = '?';
  } else if (last != nullptr && (symbol == '?' || symbol == '+')) {
    last->quantifier = symbol;
  }
  return at;
}

bool Signature::Matches(absl::Span<const Value> arguments) const {
  if (arguments.size() != parameters_.size()) return false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    const char letter = LetterOf(arguments[i]);
    if (!absl::StrContains(parameter.types, letter)) return false;
    if (parameter.type == 'a' && (letter != 'a' || !parameter.subtype.empty())) return false;
  }
  return true;
}

void Signature::FailMatch(absl::string_view letters) const {
  size_t good = 0;
  for (size_t count = 1; count <= parameters_.size(); ++count) {
    Matcher matcher(absl::MakeConstSpan(parameters_.data(), count), letters, false);
    if (!matcher.Match()) break;
    good = matcher.taken();
  }
  jsonata_internal::Fail({.code = "T0410", .index = good + 1});
}

Value Signature::FitArray(Evaluation& evaluation, const Parameter& parameter, char letter,
                          absl::string_view match, const Value& argument, size_t index) const {
  if (letter == 'm') return Value();
  const absl::string_view subtype = parameter.subtype;
  bool fits = subtype.empty() || letter == 'a' || match == subtype;
  // Behind an optional parameter that nothing was given for, an argument need not be what its
  // letter says.
  if (!subtype.empty() && argument.is_array()) {
    for (size_t i = 0; fits && i < argument.size(); ++i) {
      evaluation.Step();
      fits = LetterOf(argument[i]) == subtype[0];
    }
  }
  if (!fits) {
    jsonata_internal::Fail(
        {.code = "T0412", .value = Quoted(PluralOf(subtype[0])), .index = index + 1});
  }
  if (letter == 'a') return argument;
  Array* array = evaluation.NewArray(1);
  evaluation.Push(array, argument);
  return Value::Of(array);
}

void Signature::Fit(Evaluation& evaluation, const Value& context, Arguments* arguments) const {
  if (Matches(*arguments)) return;
  std::string letters;
  for (const Value& argument : *arguments) letters.push_back(LetterOf(argument));
  Matcher matcher(parameters_, letters, true);
  if (!matcher.Match()) FailMatch(letters);
  Arguments fitted;
  size_t argument = 0;  // what the next parameter takes
  size_t letter = 0;
  const auto at = [&](size_t i) { return i < arguments->size() ? (*arguments)[i] : Value(); };
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    const size_t count = matcher.counts()[i];
    const absl::string_view match = absl::string_view(letters).substr(letter, count);
    letter += count;
    if (count == 0 && parameter.uses_context) {
      if (!absl::StrContains(parameter.types, LetterOf(context))) {
        jsonata_internal::Fail({.code = "T0411", .index = argument + 1});
      }
      fitted.push_back(context);
      continue;
    }
    if (count == 0) fitted.push_back(at(argument++));
    for (const char single : match) {
      const Value value = at(argument);
      fitted.push_back(parameter.type == 'a'
                           ? FitArray(evaluation, parameter, single, match, value, argument)
                           : value);
      ++argument;
    }
  }
  *arguments = std::move(fitted);
}

}  // namespace millrace::jsonata_internal
