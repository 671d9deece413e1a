CREATE TABLE app_user (
    login         text PRIMARY KEY,
    role          text NOT NULL CHECK (role IN ('engineer', 'billing', 'customer')),
    customer      text REFERENCES customer,
    password_hash text NOT NULL,               -- argon2id
    language      text NOT NULL DEFAULT 'vi',
    created_at    timestamptz NOT NULL,
    disabled      boolean NOT NULL DEFAULT false,
    CHECK ((role = 'customer') = (customer IS NOT NULL))
);

-- Only the hash of a session's token is kept.
CREATE TABLE app_session (
    token_hash bytea PRIMARY KEY,
    login      text NOT NULL REFERENCES app_user ON DELETE CASCADE,
    csrf       text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE sign_in_attempt (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login   text NOT NULL,
    address text NOT NULL,
    at      timestamptz NOT NULL,
    ok      boolean NOT NULL
);
CREATE INDEX sign_in_attempt_login ON sign_in_attempt (login, at DESC);
CREATE INDEX sign_in_attempt_address ON sign_in_attempt (address, at DESC);

CREATE TABLE audit (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL,
    login  text NOT NULL,
    action text NOT NULL,
    object text NOT NULL DEFAULT '',
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_at ON audit (at DESC);
