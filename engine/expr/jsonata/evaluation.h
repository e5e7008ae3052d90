#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/expr/jsonata/arena.h"
#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/function.h"
#include "engine/expr/jsonata/limits.h"
#include "engine/expr/jsonata/random.h"
#include "engine/expr/jsonata/signature.h"
#include "engine/expr/jsonata/syntax.h"
#include "engine/expr/jsonata/value.h"

namespace millrace::jsonata_internal {

class DatePicture;

struct Binding {
  uint32_t name = kNoName;
  Value value;
};

// The variables of one block, call or tuple. Frames are small, so looking a name up is comparing a
// few integers.
struct Frame {
  Frame* parent = nullptr;
  Binding* bindings = nullptr;
  uint32_t size = 0;
  uint32_t capacity = 0;
  bool is_captured = false;  // a function refers to it, so that it outlives its call
};

// The argument of a partial application that is still to come.
inline Value Placeholder() { return Value::Of(static_cast<Tuple*>(nullptr)); }
inline bool IsPlaceholder(const Value& value) {
  return value.kind() == Kind::kTuple && value.tuple() == nullptr;
}

// One evaluation of one expression: its memory, its budget, and how each kind of node is evaluated.
// Errors are thrown as Failure.
class Evaluation {
 public:
  struct Settings {
    JsonataLimits limits;
    absl::Time now;
    uint64_t seed = 0;
    bool is_states_language = false;
  };

  Evaluation(const Program& program, const Settings& settings);
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  void BindGlobal(absl::string_view name, const Value& value);
  Value Run(const Value& input);
  Value Evaluate(const Node& node, const Value& input, Frame* frame);

  // --- budget
  void Step() {
    if (--steps_left_ < steps_checkpoint_) Checkpoint();
  }
  void Steps(size_t count) {
    steps_left_ -= static_cast<int64_t>(count);
    if (steps_left_ < steps_checkpoint_) Checkpoint();
  }
  // What going through so many bytes costs beyond the step that asks for it.
  void ChargeBytes(size_t bytes) {
    if (bytes >= 64) Steps(bytes / 32);
  }
  // A picture, or what is read by one: as long as it is, it takes that many steps squared.
  void ChargePicture(absl::string_view picture);
  int64_t steps_left() const { return steps_left_; }
  const Settings& settings() const { return settings_; }
  Arena& arena() { return arena_; }
  Random& random() { return random_; }

  // --- values
  Array* NewArray(size_t capacity = 0);
  Array* NewSequence(size_t capacity = 0);
  // By value, so that it goes from registers to its place: read back as one what was just written
  // in parts, it would be waited for.
  void Push(Array* array, Value value) {
    if (array->size == array->capacity || value.kind() >= Kind::kArray) {
      return PushSlowly(array, value);
    }
    array->items[array->size++] = value;
  }
  // Pushes the elements of an array, and anything else as it is; nothing for undefined.
  void PushAll(Array* array, const Value& value);
  // Puts `b` behind `a`, each taken as a sequence.
  Value Append(const Value& a, const Value& b);
  Object* NewObject(size_t capacity = 0);
  // `key` must live as long as the evaluation.
  void Set(Object* object, absl::string_view key, const Value& value);
  void Remove(Object* object, absl::Span<const absl::string_view> keys);
  Value Text(absl::string_view text);  // a copy
  Value Concatenate(absl::string_view a, absl::string_view b);
  // Valid until the next call.
  const DatePicture& PictureOf(absl::string_view text);
  // Keeps a JSON value made by a function for as long as the evaluation.
  Value Keep(Json json);
  const Function* NewFunction(const Function& function);
  // -1, 0 or 1, as JavaScript orders texts.
  int CompareTexts(absl::string_view a, absl::string_view b);
  void CheckStringSize(size_t bytes) const;
  // Whether it counts as true. An array does where any of its elements does.
  bool AsBoolean(const Value& value);
  Array* Singleton(const Value& value);
  Value Clone(const Value& value);
  // Also counts the steps: two values may share parts so often that they are huge when written out.
  bool AreEqual(const Value& a, const Value& b);
  Json ToJson(const Value& value);

  // The member of an object; of an array, those of all its elements.
  Value LookupName(const Value& input, absl::string_view name);

  // --- functions
  Value Apply(const Function& function, Arguments* arguments, const Value& context, Frame* frame);
  // Calls a function that another one was given, with as many arguments as it takes.
  Value Call(const Function& function, std::initializer_list<Value> arguments, Frame* frame);
  Value EvaluateText(absl::string_view text, const Value& input, Frame* frame);  // $eval

 private:
  // --- budget and memory (evaluation.cc)
  void PushSlowly(Array* array, Value value);
  Array* Grow(const Array& array, size_t more);
  Json KeyToJson(absl::string_view key);
  void Checkpoint();
  void Enter();
  void CheckDepth(int depth) const;

  // --- frames (frames.cc)
  Frame* NewFrame(Frame* parent, uint32_t capacity);
  void FreeFrame(Frame* frame);
  void Capture(Frame* frame);
  void Bind(Frame* frame, uint32_t name, const Value& value);
  Value Lookup(uint32_t name, const Frame* frame);

  // --- operators (evaluate.cc, operators.cc)
  Value EvaluateKind(const Node& node, const Value& input, Frame* frame);
  Value EvaluateOperator(const Node& node, const Value& input, Frame* frame);
  Value EvaluateVariable(const Node& node, const Value& input, Frame* frame);
  Value EvaluateArray(const Node& node, const Value& input, Frame* frame);
  Value EvaluateBlock(const Node& node, const Value& input, Frame* frame);
  Value EvaluateNegate(const Node& node, const Value& input, Frame* frame);
  Value EvaluateArithmetic(const Node& node, const Value& left, const Value& right);
  Value EvaluateComparison(const Node& node, const Value& left, const Value& right);
  Value EvaluateConcatenation(const Value& left, const Value& right);
  Value EvaluateRange(const Node& node, const Value& left, const Value& right);
  bool Includes(const Value& right, const Value& left);
  Value Unwrap(const Node& node, const Value& sequence);

  // --- paths (paths.cc)
  Value EvaluatePath(const Node& path, const Value& input, Frame* frame);
  Value EvaluateStep(const Node& step, const Value& input, bool is_list, bool is_last,
                     Frame* frame);
  Value EvaluateItem(const Node& step, const Value& item, Frame* frame);
  template <typename Add>
  void EvaluateNames(absl::string_view name, const Value& array, const Add& add);
  Value FinishPath(const Node& path, Value result, Frame* frame);
  Value EvaluateWildcard(const Value& input);
  void Flatten(const Value& value, Array* out);
  Value EvaluateDescendants(const Value& input);
  void CollectDescendants(const Value& value, Array* out);
  Value Filter(const Node& predicate, const Value& input, Frame* frame);
  bool Selects(const Value& verdict, size_t index, size_t size, size_t* times);
  Value FilterStage(const std::vector<Stage>& stages, Value value, Frame* frame);

  // --- tuple streams (tuples.cc)
  Value EvaluateTuplePath(const Node& path, const Value& input, Frame* frame);
  Array* EvaluateTupleStep(const Node& step, const Value& input, Array* rows, Frame* frame);
  Array* SortTuples(const Node& step, const Value& input, Array* rows, Frame* frame);
  void ExtendRow(const Node& step, const Tuple& row, const Value& result, Frame* frame, Array* out);
  Array* ApplyStages(const Node& step, Array* rows, Frame* frame);
  Tuple* NewTuple(const Value& context, const Frame* bindings, Frame* parent);
  Array* NewTupleStream(size_t capacity);

  // --- grouping and sorting (grouping.cc, sorting.cc)
  Value EvaluateGrouping(const std::vector<Node*>& pairs, size_t position, const Value& input,
                         Frame* frame);
  Tuple* ReduceRows(const Value& rows, Frame* frame);
  Value EvaluateSort(const Node& sort, const Value& input, Frame* frame);

  // --- calls (calls.cc)
  Value EvaluateCall(const Node& node, const Value& input, Frame* frame, const Value* first);
  Value EvaluateTailCall(const Node& node, const Value& input, Frame* frame);
  Value EvaluatePartial(const Node& node, const Value& input, Frame* frame);
  Value EvaluateApply(const Node& node, const Value& input, Frame* frame);
  Value EvaluateLambda(const Node& node, const Value& input, Frame* frame);
  Value EvaluateProcedure(const Node& node, const Value& input, Frame* frame);
  Value ApplyOnce(const Function& function, Arguments* arguments, const Value& context,
                  Frame* frame);
  Value ApplyLambda(const Function& function, const Arguments& arguments);
  Value ApplyPartial(const Function& function, const Arguments& arguments, const Value& context,
                     Frame* frame);

  // --- transforms (transform.cc)
  Value ApplyTransform(const Function& function, const Value& input);
  void Update(const Node& node, const Value& match, Frame* frame);

  const Settings settings_;
  Arena arena_;
  Random random_;
  int64_t steps_left_;
  int64_t steps_checkpoint_ = 0;  // when to look at the clock again, or fail
  absl::Time deadline_ = absl::InfiniteFuture();
  int depth_ = 0;
  int apply_depth_ = 0;
  const NameTable* names_;
  const Node& program_root_;
  std::vector<Value> globals_;  // by name
  Frame root_;
  Frame* free_frames_ = nullptr;  // of kSmallFrame bindings
  // A call that a lambda has ended with, for Apply() to make.
  const Function* tail_function_ = nullptr;
  Arguments tail_arguments_;
  Value tail_context_;
  const Node* tail_node_ = nullptr;
  std::deque<std::unique_ptr<Program>> evaluated_programs_;
  std::deque<Json> kept_;
  struct PrintedKey {
    absl::string_view key;
    Json json;
  };
  PrintedKey printed_keys_[8];
  // Texts with room behind them, which nobody else uses.
  struct GrowingText {
    char* end = nullptr;
    const char* limit = nullptr;
  };
  GrowingText growing_texts_[4];
  size_t next_growing_text_ = 0;
  absl::flat_hash_map<std::string, std::shared_ptr<const DatePicture>> date_pictures_;
};

// The value as JSON text for a message.
std::string Describe(const Value& value);
// How many arguments a function takes.
size_t ArityOf(const Function& function);

}  // namespace millrace::jsonata_internal
