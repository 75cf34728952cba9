export { CertificateIssuer } from './issuer.ts'
