// blue-green-canary: answers in a colour, as JSON under /api and as a page that asks for it again and again.
import { readFileSync } from 'node:fs'
import { mounted } from './mounts.ts'
import { podName, sendJson, sendText, serveHttp, urlOf } from './serve.ts'

interface Settings {
  readonly greeting: string
  readonly color: string
  readonly textColor: string
  readonly refreshMs: number
}

/** Settings come from the environment, and from the file that the sample's ConfigMap is mounted as. */
function readSettings(): Settings {
  let fromFile: Record<string, string> = {}
  try {
    const lines = readFileSync(mounted('/app/.env'), 'utf8').split('\n')
    fromFile = Object.fromEntries(
      lines.flatMap((line) => (/^\s*([A-Z_]+)=(.*)$/.exec(line) ? [line.split(/=(.*)/s)] : [])),
    )
  } catch {
    // No such mount: the environment and the pod's name say it all.
  }
  const value = (name: string): string | undefined => process.env[name] ?? fromFile[name]
  return {
    greeting: value('BLUE_GREEN_CANARY_MESSAGE') ?? 'Hello',
    color: value('BLUE_GREEN_CANARY_COLOR') ?? 'blue',
    textColor: value('TEXT_COLOR') ?? 'whitesmoke',
    refreshMs: Number(value('REFRESH_INTERVAL') ?? 1000),
  }
}

export function start(): void {
  const settings = readSettings()
  const { refreshMs, ...shown } = settings
  const pod = process.env['MY_POD'] ?? podName
  let count = 0
  serveHttp([3000], (request, response) => {
    const { pathname } = urlOf(request)
    if (pathname === '/health' || pathname === '/healthz') return sendJson(response, 200, { status: 'ok' })
    const wantsPage = pathname !== '/api' && (request.headers.accept ?? '').includes('text/html')
    if (wantsPage) return sendText(response, 200, page(refreshMs), 'text/html')
    sendJson(response, 200, { ...shown, count: count++, pod, userAgent: request.headers['user-agent'] ?? 'unknown' })
  })
}

function page(refreshMs: number): string {
  return `<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Blue Green Canary</title>
<style>body { font-family: system-ui, sans-serif; text-align: center; margin: 0; padding-top: 20vh; transition: .3s }</style>
</head><body><h1 id="greeting"></h1><p id="pod"></p><script>
const show = async () => {
  try {
    const answer = await (await fetch('/api', { cache: 'no-store' })).json()
    document.body.style.background = answer.color
    document.body.style.color = answer.textColor
    document.getElementById('greeting').textContent = answer.greeting
    document.getElementById('pod').textContent = answer.pod + ', ' + answer.count
  } catch (error) { document.getElementById('greeting').textContent = String(error) }
  setTimeout(show, ${refreshMs})
}
show()
</script></body></html>
`
}
