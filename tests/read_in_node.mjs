// Reads files as the page does: per line of input {path, questions}, one line {answers} or {error}.
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileAnswers } from "../js/offline/answers.js";
import { openLensFile } from "../js/offline/file.js";

/** What went wrong, by its kind and in words. */
const told = ({ name, message }) => ({ error: { name, message } });

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
        const { result, buffers = [] } = await verbs[verb](args, traits);
        answers.push({ result, buffers: buffers.map((bytes) => Buffer.from(bytes).toString("base64")) });
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
