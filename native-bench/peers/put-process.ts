// The load of `npm run bench:peers`, in a process of its own.
import { serveParent, settingsFromParent } from '../child-channel.js'
import { PutLoad, type PutLoadSettings } from './put-load.js'

const load = new PutLoad(settingsFromParent<PutLoadSettings>())

serveParent(async (kind, body) => {
  switch (kind) {
    case 'start':
      return load.start()
    case 'begin':
      return load.begin()
    case 'sample':
      return load.sample()
    case 'end':
      await load.stop()
      return load.written.sample(body as number)
    default:
      throw new Error(`no request ${kind}`)
  }
})
