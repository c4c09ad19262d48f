// A real OpenID Connect provider (oidc-provider) with a handful of people, for tests: node identity_provider.mjs LIBRARY PORT.
// POST /rotate gives it new keys, as providers do without notice.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';

const [, , library, port] = process.argv;
const { default: Provider } = await import(library);
const issuer = `http://127.0.0.1:${port}`;

const PEOPLE = {
  paula: { name: 'Paula Provider', groups: ['claims-leads'], email: 'paula@example.com', email_verified: true },
  admin: { name: 'Adam Provider', groups: ['iwd-admins'], email: 'adam@example.com', email_verified: true },
  nobody: { name: 'Nobody Here', groups: ['cooks'], email: 'nobody@example.com', email_verified: false },
  ada: { name: 'Another Ada', groups: ['iwd-admins'], email: 'ada@example.com', email_verified: true },
};

function key() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(6).toString('hex'), use: 'sig', alg: 'RS256' };
}

function make() {
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'openiwd',
      client_secret: 'a secret between the two',
      redirect_uris: ['http://iwd/login/callback'],
      post_logout_redirect_uris: ['http://iwd/login'],
    }],
    jwks: { keys: [key()] },
    cookies: { keys: ['for tests only'] },
    pkce: { required: () => true },
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'groups'],
      email: ['email', 'email_verified'],
    },
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, preferred_username: id, ...(PEOPLE[id] ?? {}) }),
    }),
    features: { devInteractions: { enabled: true } },
  });
  // any port of this machine may be the UI's: tests start it on a free one
  const allowed = (uri, path) => new URL(uri).pathname === path && ['127.0.0.1', 'localhost', 'iwd'].includes(new URL(uri).hostname);
  provider.Client.prototype.redirectUriAllowed = (uri) => allowed(uri, '/login/callback');
  provider.Client.prototype.postLogoutRedirectUriAllowed = (uri) => allowed(uri, '/login');
  return provider.callback();
}

let handle = make();
createServer((request, response) => {
  if (request.method === 'POST' && request.url === '/rotate') {
    handle = make();
    response.writeHead(204).end();
    return;
  }
  handle(request, response);
}).listen(Number(port), '127.0.0.1');
