// Reads files as the page does: per line of input {path, questions}, one line {answers} or {error}.
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileAnswers } from "../js/offline/answers.js";
import { openLensFile } from "../js/offline/file.js";

/** What went wrong, by its kind and in words. */
const told = ({ name, message }) => ({ error: { name, message } });

/** An answer as JSON: arrays and files as {kind, data}. */
async function written(answer) {
  const parts = Object.entries(answer).map(async ([name, value]) => {
    if (ArrayBuffer.isView(value)) return [name, packed(value.constructor.name, value.slice().buffer)];
    if (value instanceof Blob) return [name, packed(value.type, await value.arrayBuffer())];
    return [name, value];
  });
  return Object.fromEntries(await Promise.all(parts));
}

const packed = (kind, bytes) => ({ kind, data: Buffer.from(bytes).toString("base64") });

async function answered({ path, questions }) {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    let asked = 0;
    const read = async (begin, end) => {
      if (!(begin >= 0 && begin <= end && end <= size)) throw new Error(`bytes ${begin} to ${end} of ${size}`);
      asked += end - begin;
      const bytes = new Uint8Array(end - begin);
      await handle.read(bytes, 0, end - begin, begin);
      return bytes.buffer;
    };
    const { verbs } = fileAnswers(await openLensFile(read, size));
    const answers = [];
    for (const [verb, args, traits] of questions) {
      try {
        if (!verbs[verb]) throw Object.assign(new Error(`no answer to ${verb}`), { name: "NeedsKernel" });
        answers.push({ answer: await written(await verbs[verb](args, traits)) });
      } catch (error) {
        answers.push(told(error));
      }
    }
    return { answers, asked };
  } catch (error) {
    return told(error);
  } finally {
    await handle.close();
  }
}

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await answered(JSON.parse(line))));
