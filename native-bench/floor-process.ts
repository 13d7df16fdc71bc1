// One process of the floor that only stores and acknowledges.

import { serveParent, settingsFromParent } from './child-channel.js'
import { FloorHost } from './floor-host.js'
import type { NodeSettings } from './node-settings.js'

const host = new FloorHost(settingsFromParent<NodeSettings>())
const starting = host.start()
// A failure reaches the parent as the answer to its first request.
starting.catch(() => undefined)

serveParent(async (kind) => {
  await starting
  switch (kind) {
    case 'ready':
      return true
    case 'sample':
      return host.sample()
    case 'stop':
      await host.stop()
      process.disconnect()
      return true
    default:
      throw new Error(`no request ${kind}`)
  }
})
