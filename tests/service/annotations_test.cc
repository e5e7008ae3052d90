#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/protobuf/descriptor.h"
#include "millrace/v1/annotations.pb.h"
#include "millrace/v1/execution.pb.h"
#include "millrace/v1/function.pb.h"
#include "millrace/v1/operator.pb.h"
#include "millrace/v1/worker.pb.h"
#include "millrace/v1/workflow.pb.h"
#include "service/caller.h"

namespace millrace::service {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

// Every service of the package: of those that are linked into the binary.
std::vector<const ServiceDescriptor*> Services() {
  std::vector<const ServiceDescriptor*> services;
  for (const FileDescriptor* file :
       {v1::Workflow::descriptor()->file(), v1::Execution::descriptor()->file(),
        v1::Function::descriptor()->file(), v1::WorkRequest::descriptor()->file(),
        v1::CheckIntegrityRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) services.push_back(file->service(i));
  }
  return services;
}

TEST(AnnotationsTest, EveryMethodHasAPermission) {
  int methods = 0;
  for (const ServiceDescriptor* service : Services()) {
    for (int i = 0; i < service->method_count(); ++i, ++methods) {
      const MethodDescriptor* method = service->method(i);
      EXPECT_THAT(method->options().GetExtension(v1::permission),
                  ::testing::MatchesRegex("[a-z]+[.][a-zA-Z]+"))
          << method->full_name();
    }
  }
  EXPECT_GE(methods, 20);
}

// The permission is found by the type of the request, so each method has its own.
TEST(AnnotationsTest, EveryMethodHasItsOwnRequest) {
  for (const ServiceDescriptor* service : Services()) {
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor* method = service->method(i);
      EXPECT_EQ(method->input_type()->name(), method->name() + "Request");
      EXPECT_EQ(PermissionFor(method->input_type()),
                method->options().GetExtension(v1::permission));
    }
  }
}

TEST(AnnotationsTest, EveryMutationTakesARequestId) {
  for (const ServiceDescriptor* service : Services()) {
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor* method = service->method(i);
      for (const char* verb :
           {"Create", "Update", "Delete", "Start", "Run", "Stop", "Release", "Invoke"}) {
        if (method->name().rfind(verb, 0) != 0) continue;
        EXPECT_NE(method->input_type()->FindFieldByName("request_id"), nullptr) << method->name();
      }
    }
  }
}

TEST(AnnotationsTest, FindsTheResourceOfARequest) {
  v1::GetWorkflowRequest get;
  get.set_name("projects/a/workflows/w");
  EXPECT_EQ(ResourceOf(get), "projects/a/workflows/w");
  v1::CreateWorkflowRequest create;
  create.set_parent("projects/b");
  create.mutable_workflow()->set_name("projects/c/workflows/w");
  EXPECT_EQ(ResourceOf(create), "projects/b");
  v1::UpdateWorkflowRequest update;
  update.mutable_workflow()->set_name("projects/d/workflows/w");
  EXPECT_EQ(ResourceOf(update), "projects/d/workflows/w");
}

}  // namespace
}  // namespace millrace::service
