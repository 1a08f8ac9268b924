"use strict";

// Runs the network outside of the page's own thread, so that the page stays responsive.
// Messages: {pixels, width, height} -> {classes} or {error}; {ready} after loading.

importScripts("runtime/ort.wasm.min.js");
ort.env.wasm.wasmPaths = new URL("runtime/", self.location.href).href;
// More threads need headers that `python -m http.server` does not send.
ort.env.wasm.numThreads = self.crossOriginIsolated ? navigator.hardwareConcurrency : 1;

const session = ort.InferenceSession.create("network.onnx", {executionProviders: ["wasm"]});
session.then(
  () => postMessage({ready: true}),
  (error) => postMessage({error: String(error)}),
);

onmessage = async ({data: {pixels, width, height}}) => {
  try {
    const network = await session;
    const image = new ort.Tensor("uint8", pixels, [1, height, width, 3]);
    const results = await network.run({[network.inputNames[0]]: image});
    const classes = results[network.outputNames[0]].data;
    postMessage({classes}, [classes.buffer]);
  } catch (error) {
    postMessage({error: String(error)});
  }
};
