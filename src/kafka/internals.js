/** The parts of kafkajs 2.2.4 that we reach into; their types are in `internals.d.ts`. */

// @ts-self-types="./internals.d.ts"
import Broker from "kafkajs/src/broker/index.js";
import Runner from "kafkajs/src/consumer/runner.js";
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";
import Decoder from "kafkajs/src/protocol/decoder.js";
import Encoder from "kafkajs/src/protocol/encoder.js";

export { Broker, Decoder, Encoder, RequestQueue, Runner };
