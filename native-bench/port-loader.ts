// A thread of the application: makes its share of the load through a port.
import { parentPort, workerData } from 'node:worker_threads'
import { openPort } from '../src/port/index.js'
import { PortLoad } from './port-load.js'

const client = openPort(workerData.port)
const load = new PortLoad(client, workerData.options)

parentPort?.on('message', async (what: 'begin' | 'counts' | 'stop') => {
  if (what === 'begin') load.begin()
  if (what === 'stop') {
    await load.stop()
    client.close()
  }
  parentPort?.postMessage(load.counts())
  if (what === 'stop') parentPort?.close()
})
parentPort?.postMessage(load.counts())
