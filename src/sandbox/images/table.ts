// All images that the sandbox knows. To add one: a line here, and a file in programs/ if it does something new.
import { fileURLToPath } from 'node:url'
import { host, type Image, program } from './image.ts'

const portVariable = (name: string): Pick<Image, 'portsOf'> => ({
  portsOf: (_args, env) => (env[name] === undefined ? [] : [Number(env[name])]),
})

/** Ports in options such as `-listen=:5678`, `--port 8080`, `-b 0.0.0.0:80`. */
const portOption = (...names: readonly string[]): Pick<Image, 'portsOf'> => ({
  portsOf: (args) =>
    args.flatMap((arg, index) => {
      const [option = '', value = args[index + 1] ?? ''] = arg.split(/=(.*)/s)
      if (!names.includes(option.replace(/^-+/, ''))) return []
      const port = Number(value.replace(/^.*:/, ''))
      return Number.isInteger(port) && port > 0 ? [port] : []
    }),
})

const bookinfo = (service: string, version: string, env: Record<string, string> = {}): Image =>
  program([`examples-bookinfo-${service}-${version}`], service, [9080], { env: { SERVICE_VERSION: version, ...env } })

export const images: readonly Image[] = [
  bookinfo('productpage', 'v1'),
  bookinfo('details', 'v1'),
  bookinfo('details', 'v2'),
  bookinfo('ratings', 'v1'),
  bookinfo('ratings', 'v2'),
  bookinfo('ratings', 'v-faulty'),
  bookinfo('ratings', 'v-delayed'),
  bookinfo('ratings', 'v-unavailable'),
  bookinfo('ratings', 'v-unhealthy'),
  bookinfo('reviews', 'v1', { ENABLE_RATINGS: 'false' }),
  bookinfo('reviews', 'v2', { ENABLE_RATINGS: 'true' }),
  bookinfo('reviews', 'v3', { ENABLE_RATINGS: 'true', STAR_COLOR: 'red' }),
  program(['examples-helloworld-v1', 'helloworld-v1', 'hello-world', 'helloworld'], 'helloworld', [5000], {
    env: { SERVICE_VERSION: 'v1' },
  }),
  program(['examples-helloworld-v2', 'helloworld-v2'], 'helloworld', [5000], { env: { SERVICE_VERSION: 'v2' } }),
  program(['hello-app'], 'hello-app', [8080], { binaries: ['hello-app'], ...portVariable('PORT') }),
  program(['blue-green-canary'], 'colour', [3000]),
  program(['go-httpbin'], 'httpbin', [8080], {
    env: { HTTPBIN_VALUES: 'lists' },
    binaries: ['go-httpbin'],
    portsOf: (args, env) => [
      ...(portOption('port').portsOf?.(args, env) ?? []),
      ...(env['PORT'] ? [Number(env['PORT'])] : []),
    ],
  }),
  program(['httpbin'], 'httpbin', [80], { binaries: ['gunicorn', 'pipenv'], ...portOption('b', 'bind') }),
  program(['echo-basic', 'echo-advanced'], 'echo-basic', [3000], portVariable('HTTP_PORT')),
  program(['http-echo'], 'echo', [5678], { binaries: ['http-echo'], ...portOption('listen') }),
  program(['echo', 'echo-server', 'echoserver', 'whoami', 'podinfo', 'agnhost'], 'echo', [8080], {
    binaries: ['podinfo', 'agnhost', 'whoami'],
    portsOf: (args, env) => [
      ...(portOption('port', 'http-port', 'listen').portsOf?.(args, env) ?? []),
      ...(env['PORT'] ? [Number(env['PORT'])] : []),
    ],
  }),
  program(['tcp-echo-server', 'tcp-echo'], 'tcp-echo', [9000], {
    binaries: ['tcp-echo'],
    portsOf: ([ports = '9000']) => ports.split(',').map(Number).filter(Number.isInteger),
  }),
  program(['istio/health', 'release/health', 'istio/examples-health'], 'echo', [8001]),
  program(['nginx', 'nginx-unprivileged'], 'page', [80], {
    env: { PAGE_TITLE: 'Welcome to nginx!' },
    binaries: ['nginx'],
  }),
  program(['httpd'], 'page', [80], { env: { PAGE_TITLE: 'It works!' }, binaries: ['httpd'] }),
  program(['cert-agent'], 'cert-agent', [], {
    env: { FAIRLEAD_COMMAND: fileURLToPath(new URL('../../../bin/fairlead.mjs', import.meta.url)) },
    binaries: ['cert-agent'],
  }),
  program(['pause'], 'wait', []),
  program(['sleep'], 'wait', []),
  host(['curlimages/curl', 'curl'], ['curl'], ['--help']),
  host(['governmentpaas/curl-ssl', 'curl-ssl']),
  host(['busybox']),
  host(['alpine']),
  host(['debian']),
  host(['ubuntu']),
  host(['bash'], [], ['bash']),
  host(['netshoot'], [], ['bash']),
  host(['network-utils']),
  host(['python'], [], ['python3']),
  host(['node'], [], ['node']),
  {
    name: 'proxyv2',
    // `auto` is what Istio's injector fills in.
    repositories: ['proxyv2', 'auto'],
    run: { kind: 'proxy' },
    ports: [],
    env: {},
    binaries: ['pilot-agent', 'envoy'],
  },
]
