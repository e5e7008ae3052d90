#pragma once

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "engine/json/json.h"
#include "engine/languages/object_reader.h"
#include "engine/languages/problem_list.h"
#include "engine/program/program.h"

namespace millrace::asl {

// What is known of a machine before its states are read.
struct DeclaredMachine {
  absl::flat_hash_map<absl::string_view, StateIndex> states;
  // Whether all its transitions are known. If one is wrong, that is reported, and not also that the
  // state it was to lead to cannot be reached.
  bool is_complete = true;
};

// One definition on its way to a program. First every machine and state is declared, so that a
// transition can be resolved, and a wrong one explained, wherever it stands; then each is defined.
struct Compilation {
  const CompileOptions& options;
  Program program;
  QueryLanguage language = QueryLanguage::kJsonPath;  // of states that name none
  ProblemList problems;
  std::vector<DeclaredMachine> machines;                      // as program.machines
  absl::flat_hash_map<const Json*, MachineIndex> machine_of;  // by the machine's JSON object
};

// A state that is being defined.
struct StateSource {
  ObjectReader& fields;
  MachineIndex machine;
  StateIndex index;
  Compilation& compilation;
  QueryLanguage language = QueryLanguage::kJsonPath;

  bool is_asw() const { return compilation.program.dialect == Dialect::kAsw; }
  bool is_jsonata() const { return language == QueryLanguage::kJsonata; }
};

}  // namespace millrace::asl
