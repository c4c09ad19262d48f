// Batches of 100 through graphile-worker's `addJobs`, 4 connections.
import { readFileSync } from "node:fs";
import pg from "pg";
import { makeWorkerUtils } from "graphile-worker";

const BATCH = 100;
const { dsn, items, payload } = JSON.parse(readFileSync(0, "utf8"));
const [, user, password, database, query] = dsn.match(/^postgresql:\/\/([^:]+):([^@]+)@\/([^?]+)\?(.*)$/);
const place = new URLSearchParams(query);
const pgPool = new pg.Pool({
  user,
  password,
  database: decodeURIComponent(database),
  host: place.get("host"),
  port: Number(place.get("port")),
  max: 4,
});
const quiet = { error: console.error, warn() {}, info() {}, debug() {} };
const { Logger } = await import("graphile-worker");
const utils = await makeWorkerUtils({ pgPool, logger: new Logger(() => (level, message) => quiet[level]?.(message)) });
await utils.migrate();
const item = JSON.parse(payload);
const batch = Array.from({ length: BATCH }, () => ({ identifier: "item", payload: item }));
let left = items / BATCH;
const started = performance.now();
await Promise.all(
  Array.from({ length: 4 }, async () => {
    while (left-- > 0) await utils.addJobs(batch);
  }),
);
const rate = items / ((performance.now() - started) / 1000);
await utils.release();
await pgPool.end();
process.stdout.write(JSON.stringify({ rate }) + "\n");
