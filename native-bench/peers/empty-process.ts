// An empty handler of uWebSockets.js: it reads a request with its body, and answers. What a server on it can have at most.
import { createRequire } from 'node:module'
import { serveParent, settingsFromParent } from '../child-channel.js'

type Uws = typeof import('uWebSockets.js')

function listen(port: number): Promise<boolean> {
  const uws = createRequire(import.meta.url)('uWebSockets.js') as Uws
  const app = uws.App()
  app.any('/*', (res) => {
    res.onAborted(() => undefined)
    res.onData((_, isLast) => {
      if (isLast) res.cork(() => res.end('{}'))
    })
  })
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', port, (token) => (token === false ? reject(new Error('cannot listen')) : resolve(true)))
  })
}

const listening = listen(settingsFromParent<{ port: number }>().port)
// A failure reaches the parent as the answer to its first request.
listening.catch(() => undefined)

serveParent(() => listening)
