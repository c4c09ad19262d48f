/** Files of drafts, kept in the browser's own database until the draft is sent or thrown away. Failures only lose the copy. */
const NAME = "openiwd";
const STORE = "draft-files";

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE));
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

async function run(mode, act) {
  try {
    const database = await opened();
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.addEventListener("complete", () => {
        database.close();
        resolve(request.result);
      });
      transaction.addEventListener("abort", () => reject(transaction.error));
    });
  } catch {
    return undefined;
  }
}

export const keepFiles = (key, files) =>
  run("readwrite", (store) => (files.length ? store.put([...files], key) : store.delete(key)));

export const filesOf = async (key) => (await run("readonly", (store) => store.get(key))) ?? [];

export const dropFiles = (key) => run("readwrite", (store) => store.delete(key));
