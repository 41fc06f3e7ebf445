// SPDX-License-Identifier: MIT

export { connectNats, type NatsBus, type NatsOptions } from "./nats-bus.ts";
