// SPDX-License-Identifier: BSD-2-Clause
//! Generates, finds, signs, encrypts and wraps with the cryptoki crate.
use std::env;
use std::error::Error;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const MESSAGE: &[u8] = b"a message of 24 bytes...";

fn setting(name: &str, otherwise: &str) -> String {
    env::var(name).unwrap_or_else(|_| otherwise.to_string())
}

fn open(pkcs11: &Pkcs11, label: &str) -> Result<Session> {
    for slot in pkcs11.get_slots_with_token()? {
        if pkcs11.get_token_info(slot)?.label() == label {
            let session = pkcs11.open_rw_session(slot)?;
            session.login(UserType::User, Some(&AuthPin::new(env::var("USER_PIN")?.into())))?;
            println!("token: {label}");
            return Ok(session);
        }
    }
    Err(format!("There is no token with the label '{label}'.").into())
}

fn label(text: &str) -> Attribute {
    Attribute::Label(text.into())
}

fn generate(session: &Session) -> Result<()> {
    session.generate_key_pair(
        &Mechanism::RsaPkcsKeyPairGen,
        &[
            Attribute::Token(true),
            label("signer"),
            Attribute::ModulusBits(2048.into()),
            Attribute::PublicExponent(vec![1, 0, 1]),
            Attribute::Verify(true),
        ],
        &[
            Attribute::Token(true),
            Attribute::Private(true),
            label("signer"),
            Attribute::Sign(true),
            Attribute::Sensitive(true),
        ],
    )?;
    session.generate_key(
        &Mechanism::AesKeyGen,
        &[
            label("data"),
            Attribute::ValueLen(32.into()),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(true),
        ],
    )?;
    session.generate_key(
        &Mechanism::AesKeyGen,
        &[
            label("wrapper"),
            Attribute::ValueLen(32.into()),
            Attribute::Wrap(true),
            Attribute::Unwrap(true),
            Attribute::Sensitive(true),
        ],
    )?;
    println!("generated: RSA key pair \"signer\", AES keys \"data\" and \"wrapper\"");
    Ok(())
}

fn find(session: &Session) -> Result<()> {
    let count = |class| session.find_objects(&[Attribute::Class(class)]).map(|found| found.len());
    println!(
        "found: {} public, {} private, {} secret keys",
        count(ObjectClass::PUBLIC_KEY)?,
        count(ObjectClass::PRIVATE_KEY)?,
        count(ObjectClass::SECRET_KEY)?
    );
    Ok(())
}

fn key(session: &Session, class: ObjectClass, name: &str) -> Result<ObjectHandle> {
    let found = session.find_objects(&[Attribute::Class(class), label(name)])?;
    found.first().copied().ok_or_else(|| format!("There is no key with the label '{name}'.").into())
}

fn sign(session: &Session) -> Result<()> {
    let signature = session.sign(&Mechanism::Sha256RsaPkcs, key(session, ObjectClass::PRIVATE_KEY, "signer")?, MESSAGE)?;
    session.verify(&Mechanism::Sha256RsaPkcs, key(session, ObjectClass::PUBLIC_KEY, "signer")?, MESSAGE, &signature)?;
    std::fs::write("signature.bin", &signature)?;
    println!("signed: {} bytes, verified", signature.len());
    Ok(())
}

fn must_decrypt(session: &Session, key: ObjectHandle, iv: &mut [u8], sealed: &[u8]) -> Result<()> {
    let mechanism = Mechanism::AesGcm(GcmParams::new(iv, &[], 128.into())?);
    if session.decrypt(&mechanism, key, sealed)? != MESSAGE {
        return Err("The message came back changed.".into());
    }
    Ok(())
}

fn encrypt(session: &Session) -> Result<(Vec<u8>, Vec<u8>)> {
    let data = key(session, ObjectClass::SECRET_KEY, "data")?;
    let mut iv = session.generate_random_vec(12)?;
    let sealed = session.encrypt(&Mechanism::AesGcm(GcmParams::new(&mut iv, &[], 128.into())?), data, MESSAGE)?;
    must_decrypt(session, data, &mut iv, &sealed)?;
    println!("encrypted: {} bytes, decrypted to the same", sealed.len());
    Ok((iv, sealed))
}

fn wrap(session: &Session, mut iv: Vec<u8>, sealed: Vec<u8>) -> Result<()> {
    let wrapper = key(session, ObjectClass::SECRET_KEY, "wrapper")?;
    let wrapped = session.wrap_key(&Mechanism::AesKeyWrap, wrapper, key(session, ObjectClass::SECRET_KEY, "data")?)?;
    let back = session.unwrap_key(
        &Mechanism::AesKeyWrap,
        wrapper,
        &wrapped,
        &[Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES), Attribute::Decrypt(true)],
    )?;
    must_decrypt(session, back, &mut iv, &sealed)?;
    println!("wrapped: {} bytes, unwrapped key decrypts", wrapped.len());
    Ok(())
}

fn main() -> Result<()> {
    let pkcs11 = Pkcs11::new(setting("PKCS11_MODULE", "/usr/lib/softhsm/libsofthsm2.so"))?;
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let session = open(&pkcs11, &setting("TOKEN_LABEL", "demo"))?;
    generate(&session)?;
    find(&session)?;
    sign(&session)?;
    let (iv, sealed) = encrypt(&session)?;
    wrap(&session, iv, sealed)?;
    session.logout()?;
    Ok(())
}
