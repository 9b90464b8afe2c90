/** Writes out nested rules, for the browsers that the windows are made for. */
const { transformSync } = require("esbuild");
const browsers = require("../browsers.json");

/** @param {string} css */
module.exports = (css) => transformSync(css, { loader: "css", target: browsers }).code;
