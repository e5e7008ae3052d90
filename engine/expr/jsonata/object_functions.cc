#include <string>

#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/sequence_builder.h"
#include "engine/expr/jsonata/text.h"

// The functions on objects, and those on values of any type.

namespace millrace::jsonata_internal {
namespace {

void CollectKeys(Evaluation& evaluation, const Value& value, Object* keys) {
  evaluation.Step();
  if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) CollectKeys(evaluation, value[i], keys);
  } else if (value.is_object()) {
    for (size_t i = 0; i < MemberCount(value); ++i) {
      evaluation.Set(keys, MemberAt(value, i).key, Value::Null());
    }
  }
}

Value Keys(const Call& call) {
  Object* keys = call.evaluation.NewObject();
  CollectKeys(call.evaluation, call[0], keys);
  Array* names = call.evaluation.NewSequence(keys->size);
  for (uint32_t i = 0; i < keys->size; ++i) {
    call.evaluation.Push(names, Value::Of(keys->members[i].key));
  }
  return Value::Of(names);
}

Value Lookup(const Call& call) {
  return call[1].is_string() ? call.evaluation.LookupName(call[0], call[1].text()) : Value();
}

void SpreadInto(Evaluation& evaluation, const Value& value, Array* out) {
  evaluation.Step();
  if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) SpreadInto(evaluation, value[i], out);
  } else if (value.is_object()) {
    for (size_t i = 0; i < MemberCount(value); ++i) {
      const ObjectMember member = MemberAt(value, i);
      Object* single = evaluation.NewObject(1);
      evaluation.Set(single, member.key, member.value);
      evaluation.Push(out, Value::Of(single));
    }
  } else {
    evaluation.PushAll(out, value);
  }
}

Value Spread(const Call& call) {
  if (!call[0].is_array() && !call[0].is_object()) return call[0];
  Array* spread = call.evaluation.NewArray();
  // Of an array it is an array, unless there is nothing in it.
  spread->is_sequence = call[0].is_object() || call[0].size() == 0;
  SpreadInto(call.evaluation, call[0], spread);
  return Value::Of(spread);
}

Value Merge(const Call& call) {
  if (call[0].is_undefined()) return Value();
  Object* merged = call.evaluation.NewObject();
  for (size_t i = 0; i < call[0].size(); ++i) {
    const Value object = call[0][i];
    if (!object.is_object()) continue;
    for (size_t j = 0; j < MemberCount(object); ++j) {
      call.evaluation.Step();
      const ObjectMember member = MemberAt(object, j);
      call.evaluation.Set(merged, member.key, member.value);
    }
  }
  return Value::Of(merged);
}

Value Each(const Call& call) {
  if (!call[0].is_object() || !call[1].is_function()) return Value();
  Array* results = call.evaluation.NewSequence();
  for (size_t i = 0; i < MemberCount(call[0]); ++i) {
    const ObjectMember member = MemberAt(call[0], i);
    const Value result = call.evaluation.Call(
        call[1].function(), {member.value, Value::Of(member.key), call[0]}, call.frame);
    if (!result.is_undefined()) call.evaluation.Push(results, result);
  }
  return Value::Of(results);
}

Value Sift(const Call& call) {
  if (!call[0].is_object() || !call[1].is_function()) return Value();
  Object* kept = call.evaluation.NewObject();
  for (size_t i = 0; i < MemberCount(call[0]); ++i) {
    const ObjectMember member = MemberAt(call[0], i);
    const Value verdict = call.evaluation.Call(
        call[1].function(), {member.value, Value::Of(member.key), call[0]}, call.frame);
    if (call.evaluation.AsBoolean(verdict)) call.evaluation.Set(kept, member.key, member.value);
  }
  return kept->size == 0 ? Value() : Value::Of(kept);
}

Value Boolean(const Call& call) {
  if (call[0].is_undefined()) return Value();
  if (call[0].is_number()) IsNumber(call[0]);
  return Value::Of(call.evaluation.AsBoolean(call[0]));
}

Value Not(const Call& call) {
  if (call[0].is_undefined()) return Value();
  return Value::Of(!call.evaluation.AsBoolean(call[0]));
}

Value Exists(const Call& call) { return Value::Of(!call[0].is_undefined()); }

Value Type(const Call& call) {
  static constexpr absl::string_view kNames[] = {"",       "null",  "boolean", "number",
                                                 "string", "array", "object",  "function"};
  const auto kind = static_cast<size_t>(call[0].kind());
  return kind == 0 || kind >= std::size(kNames) ? Value() : Value::Of(kNames[kind]);
}

Value Error(const Call& call) {
  const bool has_message = call[0].is_string() && !call[0].text().empty();
  Fail({.code = "D3137",
        .text = has_message ? std::string(call[0].text()) : "$error() function evaluated"});
}

Value Assert(const Call& call) {
  if (call.evaluation.AsBoolean(call[0])) return Value();
  const bool has_message = call[1].is_string() && !call[1].text().empty();
  Fail({.code = "D3141",
        .text = has_message ? std::string(call[1].text()) : "$assert() statement failed"});
}

Value Clone(const Call& call) { return call.evaluation.Clone(call[0]); }

Value Eval(const Call& call) {
  if (call[0].is_undefined()) return Value();
  Value input = call.context;
  if (!call[1].is_undefined()) {
    input = call[1];
    if (input.is_array() && !input.is_sequence()) {
      // The whole array is the context, as it is of an expression evaluated for itself.
      Array* wrapper = call.evaluation.Singleton(input);
      wrapper->is_sequence = true;
      wrapper->is_outer_wrapper = true;
      input = Value::Of(wrapper);
    }
  }
  return call.evaluation.EvaluateText(call[0].text(), input, call.frame);
}

constexpr BuiltinEntry kFunctions[] = {
    {"keys", Keys, "<x-:a<s>>", 1},     {"lookup", Lookup, "<x-s:x>", 2},
    {"spread", Spread, "<x-:a<o>>", 1}, {"merge", Merge, "<a<o>:o>", 1},
    {"each", Each, "<o-f:a>", 2},       {"sift", Sift, "<o-f?:o>", 2},
    {"boolean", Boolean, "<x-:b>", 1},  {"not", Not, "<x-:b>", 1},
    {"exists", Exists, "<x:b>", 1},     {"type", Type, "<x:s>", 1},
    {"error", Error, "<s?:x>", 1},      {"assert", Assert, "<bs?:x>", 2},
    {"clone", Clone, "<(oa)-:o>", 1},   {"eval", Eval, "<sx?:x>", 2, Availability::kPlainOnly},
};

}  // namespace

absl::Span<const BuiltinEntry> ObjectFunctions() { return kFunctions; }

}  // namespace millrace::jsonata_internal
