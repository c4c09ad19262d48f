// Drains graphile-worker's queue in the fastest configuration of its documentation (batched fetching and completion).
import { readFileSync } from "node:fs";
import pg from "pg";
import { Logger, makeWorkerUtils, runOnce } from "graphile-worker";

const BATCH = 1000;
const { dsn, items } = JSON.parse(readFileSync(0, "utf8"));
const [, user, password, database, query] = dsn.match(/^postgresql:\/\/([^:]+):([^@]+)@\/([^?]+)\?(.*)$/);
const place = new URLSearchParams(query);
const pgPool = new pg.Pool({
  user,
  password,
  database: decodeURIComponent(database),
  host: place.get("host"),
  port: Number(place.get("port")),
  max: 25,
});
pgPool.on("error", console.error);
pgPool.on("connect", (client) => client.on("error", console.error));
const logger = new Logger(() => (level, message) => level === "error" && console.error(message));
const utils = await makeWorkerUtils({ pgPool, logger });
await utils.migrate();
const batch = Array.from({ length: BATCH }, (_, n) => ({ identifier: "item", payload: { n } }));
for (let added = 0; added < items; added += BATCH) await utils.addJobs(batch.slice(0, items - added));
await pgPool.query("VACUUM ANALYZE");
let handled = 0;
const preset = {
  worker: { concurrentJobs: 24, maxPoolSize: 25, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
};
const started = performance.now();
await runOnce({ preset, pgPool, logger, noHandleSignals: true, taskList: { item: async () => void handled++ } });
const rate = items / ((performance.now() - started) / 1000);
const { rows } = await pgPool.query("SELECT count(*)::int AS left FROM graphile_worker._private_jobs");
if (handled !== items || rows[0].left) throw new Error(`${handled} of ${items} handled, ${rows[0].left} left`);
await utils.release();
await pgPool.end();
process.stdout.write(JSON.stringify({ rate }) + "\n");
