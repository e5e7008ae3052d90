#include <gmock/gmock.h>

#include "tests/service/test_server.h"

namespace millrace::service {
namespace {

using ::testing::HasSubstr;
using Stub = v1::FunctionService::Stub;

v1::CreateFunctionRequest CreateRequest(const std::string& id, const std::string& source) {
  v1::CreateFunctionRequest request;
  request.set_parent("projects/default");
  request.set_function_id(id);
  request.mutable_function()->set_handler("index.main_handler");
  request.mutable_function()->set_source(source);
  return request;
}

constexpr char kSum[] = "def main_handler(event, context):\n    return sum(event['values'])\n";

class FunctionServiceTest : public ::testing::Test {
 protected:
  grpc::Status Create(const v1::CreateFunctionRequest& request) {
    return Call(*server_.function_stub, &Stub::CreateFunction, request, &function_);
  }
  grpc::Status Invoke(const std::string& name, const std::string& input) {
    v1::InvokeFunctionRequest request;
    request.set_name(name);
    request.set_input(input);
    answer_.Clear();
    return Call(*server_.function_stub, &Stub::InvokeFunction, request, &answer_);
  }
  grpc::Status Delete(const std::string& name) {
    v1::DeleteFunctionRequest request;
    request.set_name(name);
    google::protobuf::Empty empty;
    return Call(*server_.function_stub, &Stub::DeleteFunction, request, &empty);
  }

  TestServer server_;
  v1::Function function_;
  v1::InvokeFunctionResponse answer_;
};

TEST_F(FunctionServiceTest, InvokesWhatWasCreated) {
  const grpc::Status created = Create(CreateRequest("sum", kSum));
  ASSERT_TRUE(created.ok()) << created.error_message();
  EXPECT_EQ(function_.name(), "projects/default/functions/sum");
  EXPECT_EQ(function_.timeout().seconds(), 3);
  EXPECT_EQ(function_.memory_mib(), 256);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Invoke(function_.name(), R"({"values": [1, 2, 3, 4, 5]})").ok());
    EXPECT_EQ(answer_.output(), "15");
  }
  ASSERT_TRUE(Invoke(function_.name(), "{}").ok());
  EXPECT_FALSE(answer_.has_output());
  EXPECT_EQ(answer_.error(), "KeyError");
  EXPECT_THAT(answer_.cause(), HasSubstr("stackTrace"));
}

TEST_F(FunctionServiceTest, SeesChangesAtOnce) {
  const std::string name = "projects/default/functions/sum";
  EXPECT_EQ(ReasonOf(Invoke(name, "{}")), "FUNCTION_NOT_FOUND");
  ASSERT_TRUE(Create(CreateRequest("sum", kSum)).ok());
  ASSERT_TRUE(Invoke(name, R"({"values": [1]})").ok());
  EXPECT_EQ(answer_.output(), "1");
  ASSERT_TRUE(Delete(name).ok());
  EXPECT_EQ(ReasonOf(Invoke(name, "{}")), "FUNCTION_NOT_FOUND");
  ASSERT_TRUE(
      Create(CreateRequest("sum", "def main_handler(event, context):\n    return 7\n")).ok());
  ASSERT_TRUE(Invoke(name, "{}").ok());
  EXPECT_EQ(answer_.output(), "7");
}

TEST_F(FunctionServiceTest, NamesAllFieldsAtFault) {
  v1::CreateFunctionRequest request = CreateRequest("a b", "");
  request.mutable_function()->set_handler("handler");
  request.mutable_function()->mutable_timeout()->set_seconds(10'000);
  request.mutable_function()->set_memory_mib(1);
  const grpc::Status status = Create(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldsOf(status),
            "function_id,function.handler,function.code,function.timeout,function.memory_mib");
  request = CreateRequest("zero", kSum);
  request.mutable_function()->mutable_timeout()->set_seconds(0);
  EXPECT_EQ(FieldsOf(Create(request)), "function.timeout");
  request = CreateRequest("os", kSum);
  request.mutable_function()->set_handler("os.system");
  EXPECT_EQ(FieldsOf(Create(request)), "function.handler");
  request = CreateRequest("zip", "");
  request.mutable_function()->set_zip("not a zip");
  EXPECT_EQ(FieldsOf(Create(request)), "function.zip");
}

TEST_F(FunctionServiceTest, RefusesInputsBeyondTheLimits) {
  ASSERT_TRUE(Create(CreateRequest("sum", kSum)).ok());
  for (const std::string& input :
       {std::string("{"), std::string(100'000, '['), std::string("\"\xff\""),
        "\"" + std::string(262'144, 'a') + "\""}) {
    SCOPED_TRACE(input.substr(0, 20));
    const grpc::Status status = Invoke(function_.name(), input);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_EQ(ReasonOf(status), "INVALID_FIELD");
    EXPECT_EQ(FieldsOf(status), "input");
  }
}

TEST_F(FunctionServiceTest, ListsWithoutCode) {
  ASSERT_TRUE(Create(CreateRequest("b", kSum)).ok());
  ASSERT_TRUE(Create(CreateRequest("a", kSum)).ok());
  v1::ListFunctionsRequest request;
  request.set_parent("projects/default");
  v1::ListFunctionsResponse page;
  ASSERT_TRUE(Call(*server_.function_stub, &Stub::ListFunctions, request, &page).ok());
  ASSERT_EQ(page.functions_size(), 2);
  EXPECT_EQ(page.functions(0).name(), "projects/default/functions/a");
  EXPECT_EQ(page.functions(0).source(), "");
  v1::GetFunctionRequest get;
  get.set_name("projects/default/functions/a");
  v1::Function function;
  ASSERT_TRUE(Call(*server_.function_stub, &Stub::GetFunction, get, &function).ok());
  EXPECT_EQ(function.source(), kSum);
}

}  // namespace
}  // namespace millrace::service
