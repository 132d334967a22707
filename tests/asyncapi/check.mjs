// Reads an AsyncAPI document from standard input as the AsyncAPI project's own parser does; exits 1 with what is wrong.
import { text } from "node:stream/consumers";
import asyncapi from "@asyncapi/parser";

const { diagnostics } = await new asyncapi.Parser().parse(await text(process.stdin));
const errors = diagnostics.filter((found) => found.severity === 0);
for (const found of errors) console.log(found.path.join("/"), found.message);
process.exitCode = errors.length ? 1 : 0;
