// One node of bench:kept, in a process of its own.
import type { PaxosNode } from '../src/index.js'
import { serveParent, settingsFromParent } from './child-channel.js'
import { type KeptSettings, startKeptNode } from './kept-settings.js'

let starting: Promise<PaxosNode> | undefined

serveParent(async (kind) => {
  switch (kind) {
    case 'start': {
      const before = performance.now()
      starting = startKeptNode(settingsFromParent<KeptSettings>())
      const node = await starting
      const started = performance.now() - before
      await node.group(0).read(new Uint8Array(0))
      return { started, served: performance.now() - before }
    }
    case 'status':
      return (await starting)?.status()
    case 'stop':
      await (await starting)?.stop()
      process.disconnect()
      return true
    default:
      throw new Error(`no request ${kind}`)
  }
})
