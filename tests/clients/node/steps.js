// SPDX-License-Identifier: BSD-2-Clause
// Steps of a program as lines for languages.sh's results(): one per step, and what a failed one said on standard
// output. A step that fails does not end the program: later ones may need what it made, and fail too.
"use strict";
const fs = require("node:fs");
const assert = require("node:assert");

const lines = [];

function step(name, run) {
  try {
    run();
    lines.push(`pass\t${name}`);
  } catch (error) {
    console.log(`${name}: ${error.stack.split("\n").slice(0, 4).join("\n")}`);
    lines.push(`fail\t${name}`);
  }
}

// The call must fail with this return code.
function refused(code, run) {
  let got = 0;
  try {
    run();
  } catch (error) {
    // Some functions of pkcs11js give the code in the text only: "CKR_ATTRIBUTE_READ_ONLY:16".
    got = error.code ?? Number(/:(\d+)$/.exec(error.message)?.[1]);
  }
  assert.strictEqual(got, code);
}

function same(got, wanted) {
  assert.ok(Buffer.from(got).equals(Buffer.from(wanted)), `${got.toString("hex")} is not ${wanted.toString("hex")}`);
}

function finish(file) {
  fs.writeFileSync(file, lines.map((line) => line + "\n").join(""));
}

module.exports = { step, refused, same, finish };
