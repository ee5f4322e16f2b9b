#include "cli/replica_role.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(ReplicaRoleTest, ReadsWhatItWrites) {
  const std::optional<ReplicaRole> role = ParseReplicaRole(FormatReplicaRole({3, 12}).c_str());
  ASSERT_TRUE(role);
  EXPECT_EQ(role->index, 3);
  EXPECT_EQ(role->count, 12);
}

TEST(ReplicaRoleTest, WhateverElseIsNone) {
  EXPECT_FALSE(ParseReplicaRole(nullptr));
  for (const char* text : {"", "1", "/", "1/", "/2", "2/2", "-1/2", "1/65", "1/2/3", "1/2 ", "a/b",
                           "0/0", "99999999999/2"}) {
    EXPECT_FALSE(ParseReplicaRole(text)) << text;
  }
}

TEST(ReplicaRoleTest, AReplicaHasItsPartOfTheHost) {
  ModelFlags model;
  model.engine.tp_size = 2;
  ServeConfig serve;
  serve.replicas = 4;
  serve.host = "0.0.0.0";
  serve.port = 80;
  serve.access.api_key = "/a/file";
  serve.access.cors_origin = {"*"};
  serve.max_connections = 65536;
  TakeReplicaRole({3, 4}, model, serve);
  EXPECT_EQ(model.gpus_before, 6);
  EXPECT_GE(model.engine.threads, 1);
  EXPECT_EQ(serve.replicas, 1);
  EXPECT_EQ(serve.host, "127.0.0.1");
  EXPECT_EQ(serve.port, 0);
  EXPECT_TRUE(serve.access.api_key.empty());
  EXPECT_TRUE(serve.access.cors_origin.empty());
  EXPECT_TRUE(ValidateKnobs(serve).ok());

  model.engine.threads = 5;  // as it was asked for
  TakeReplicaRole({0, 4}, model, serve);
  EXPECT_EQ(model.engine.threads, 5);
  EXPECT_EQ(model.gpus_before, 0);
}

}  // namespace
}  // namespace qed
