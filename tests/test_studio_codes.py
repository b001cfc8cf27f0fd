from __future__ import annotations

import pytest

from bot.failure import FailureCode, Spent
from bot.studio_codes import Verdict, failure_code, failure_of, verdict

# Every code of the vendor's lists, with the messages that make one code mean several things.
DOCUMENTED = [
    ("InvalidParameter", "Required parameter(s) missing or invalid, please check", FailureCode.REQUEST),
    ("InvalidParameter", "Field required: input.image_url", FailureCode.REQUEST),
    ("InvalidParameter", "url error, please check url!", FailureCode.REQUEST),
    ("InvalidParameter", "Model not exist.", FailureCode.REQUEST),
    ("BadRequest.EmptyInput", "", FailureCode.REQUEST),
    ("BadRequest.EmptyParameters", "", FailureCode.REQUEST),
    ("BadRequest.EmptyModel", "", FailureCode.REQUEST),
    ("BadRequest.IllegalInput", "", FailureCode.REQUEST),
    ("BadRequest.TooLarge", "", FailureCode.FILE_SIZE),
    ("BadRequest.UnsupportedFileFormat", "", FailureCode.FILE_FORMAT),
    ("BadRequest.InputDownloadFailed", "", FailureCode.DOWNLOAD),
    ("BadRequest.ResourceNotExist", "", FailureCode.DOWNLOAD),
    ("UnsupportedOperation", "Failed to cancel the task", FailureCode.REQUEST),
    ("Arrearage", "Access denied, please make sure your account is in good standing.", FailureCode.PAYMENT),
    ("InvalidApiKey", "Invalid API-key provided.", FailureCode.KEY),
    ("NOT AUTHORIZED", "", FailureCode.KEY),
    ("AccessDenied", "current user api does not support synchronous calls", FailureCode.REQUEST),
    ("AccessDenied", "current user api does not support asynchronous calls", FailureCode.REQUEST),
    ("AccessDenied", "Invalid according to Policy: Policy expired.", FailureCode.REQUEST),
    ("AccessDenied", "Access denied.", FailureCode.ACCESS),
    ("AccessDenied.Unpurchased", "", FailureCode.ACCESS),
    ("Model.AccessDenied", "", FailureCode.ACCESS),
    ("Workspace.AccessDenied", "", FailureCode.ACCESS),
    ("App.AccessDenied", "", FailureCode.ACCESS),
    ("Endpoint.AccessDenied", "Workspace endpoint access denied.", FailureCode.KEY),
    ("AllocationQuota.FreeTierOnly", "", FailureCode.PAYMENT),
    ("ModelNotFound", "", FailureCode.ACCESS),
    ("model_not_found", "", FailureCode.ACCESS),
    ("WorkSpaceNotFound", "", FailureCode.ACCESS),
    ("NotFound", "", FailureCode.REQUEST),
    ("Conflict", "", FailureCode.REQUEST),
    ("Throttling.AllocationQuota", "Free allocated quota exceeded.", FailureCode.PAYMENT),
    ("insufficient_quota", "Free allocated quota exceeded.", FailureCode.PAYMENT),
    ("CommodityNotPurchased", "", FailureCode.PAYMENT),
    ("PrepaidBillOverdue", "", FailureCode.PAYMENT),
    ("PostpaidBillOverdue", "", FailureCode.PAYMENT),
    (
        "InvalidParameter",
        "Download the media resource timed out during the data inspection process.",
        FailureCode.DOWNLOAD,
    ),
    ("InvalidParameter", "Unable to download the media resource.", FailureCode.DOWNLOAD),
    ("InvalidParameter", "Failed to download multimodal content", FailureCode.DOWNLOAD),
    ("InvalidParameter", "Failed to download input files.", FailureCode.DOWNLOAD),
    ("InvalidParameter.DataInspection", "Unable to download the media resource", FailureCode.DOWNLOAD),
    ("InvalidParameter", "Failed to find the requested media resource", FailureCode.DOWNLOAD),
    ("InvalidParameter", "Don't have authorization to access the media resource", FailureCode.DOWNLOAD),
    ("InvalidURL", "", FailureCode.DOWNLOAD),
    ("InvalidURL.ConnectionRefused", "Connection to x refused, please provide available URL", FailureCode.DOWNLOAD),
    ("InvalidURL.Timeout", "Download x timeout, please check network connection.", FailureCode.DOWNLOAD),
    ("InvalidParameter", "Wrong Content-Type of multimodal url", FailureCode.DOWNLOAD),
    ("InternalError.Algo", "Missing Content-Length of multimodal url", FailureCode.DOWNLOAD),
    ("InvalidImage.FileFormat", "", FailureCode.IMAGE_FORMAT),
    ("InvalidImageFormat", "", FailureCode.IMAGE_FORMAT),
    ("InvalidImage.ImageSize", "", FailureCode.IMAGE_SIZE),
    ("InvalidImageResolution", "", FailureCode.IMAGE_SIZE),
    ("InvalidImage.Resolution", "", FailureCode.IMAGE_SIZE),
    ("InvalidImage.NoHumanFace", "", FailureCode.IMAGE_PERSON),
    ("InvalidImage.NoHuman", "", FailureCode.IMAGE_PERSON),
    ("InvalidImage.FullFace", "", FailureCode.IMAGE_FACE),
    ("InvalidImage.FrontBody", "", FailureCode.IMAGE_FACE),
    ("InvalidVideo.FileFormat", "Invalid video type. Only mp4/mov/avi is supported.", FailureCode.VIDEO_FORMAT),
    ("InvalidVideo.NoHuman", "", FailureCode.VIDEO_PERSON),
    ("InvalidVideo.FullFace", "", FailureCode.VIDEO_FACE),
    ("InvalidVideo.FrontBody", "", FailureCode.VIDEO_FACE),
    ("InvalidVideo.Resolution", "", FailureCode.VIDEO_SIZE),
    ("InvalidVideo.Duration", "", FailureCode.VIDEO_LENGTH),
    ("InvalidFile.Size", "", FailureCode.FILE_SIZE),
    ("InvalidFile.Format", "", FailureCode.FILE_FORMAT),
    ("InvalidFile.Duration", "", FailureCode.VIDEO_LENGTH),
    ("InvalidFile.FPS", "", FailureCode.VIDEO_FORMAT),
    ("InvalidFile.Resolution", "", FailureCode.FILE_SIZE),
    ("InvalidFile.AspectRatio", "", FailureCode.FILE_SIZE),
    ("InvalidFile.Openerror", "", FailureCode.FILE_FORMAT),
    ("InvalidFile.NoHuman", "", FailureCode.PERSON),
    ("InvalidFile.MultiHuman", "", FailureCode.PEOPLE),
    ("InvalidFile.FullFace", "", FailureCode.PERSON),
    ("InvalidFile.FrontBody", "", FailureCode.PERSON),
    ("InvalidFile.BodyProportion", "", FailureCode.PERSON),
    ("InvalidFile.FacePose", "", FailureCode.PERSON),
    ("InvalidFile.FullBody", "", FailureCode.PERSON),
    ("InvalidFile.BodyPose", "", FailureCode.PERSON),
    ("InvalidFile.Content", "", FailureCode.PERSON),
    ("InvalidFile.Value", "", FailureCode.PERSON),
    ("InvalidPerson", "", FailureCode.PERSON),
    ("InvalidParameter", "Failed to decode the image, please check", FailureCode.IMAGE_FORMAT),
    ("InvalidParameter", "The media format is not supported or incorrect", FailureCode.FILE_FORMAT),
    ("InvalidParameter", "Invalid video file.", FailureCode.VIDEO_FORMAT),
    ("InvalidParameter", "Input files format not supported.", FailureCode.FILE_FORMAT),
    ("DataInspectionFailed", "Input data may contain inappropriate content.", FailureCode.MODERATION),
    ("data_inspection_failed", "", FailureCode.MODERATION),
    ("IPInfringementSuspect", "", FailureCode.COPYRIGHT),
    ("CustomRoleBlocked", "", FailureCode.BLOCKED),
    ("InternalError", "", FailureCode.SERVICE),
    ("SystemError", "", FailureCode.SERVICE),
    ("ModelServiceFailed", "", FailureCode.SERVICE),
    ("InternalError.Algo", "Inference internal error.", FailureCode.SERVICE),
    ("InternalError.Upload", "Failed to upload result.", FailureCode.SERVICE),
    ("InternalError.FileUpload", "", FailureCode.SERVICE),
    ("InternalError.Timeout", "", FailureCode.SERVICE_TIMEOUT),
    ("ServiceUnavailable", "", FailureCode.SERVICE),
    ("ModelUnavailable", "", FailureCode.SERVICE),
]
THROTTLED = [
    ("Throttling", "Requests throttling triggered."),
    ("Throttling.RateQuota", "Requests rate limit exceeded, please try again later."),
    ("LimitRequests", "You have exceeded your request limit."),
    ("Throttling.BurstRate", "Request rate increased too quickly"),
    ("Throttling.Concurrency", ""),
    ("Throttling.AllocationQuota", "Allocated quota exceeded, please increase your quota limit."),
    ("insufficient_quota", "Allocated quota exceeded, please increase your quota limit."),
    ("Throttling.SomethingNew", ""),
]


@pytest.mark.parametrize(("code", "message", "meaning"), DOCUMENTED)
def test_every_documented_code_has_its_meaning_and_is_final(code: str, message: str, meaning: FailureCode) -> None:
    assert failure_code(code, message) is meaning
    assert verdict(code, message) is Verdict.FINAL


@pytest.mark.parametrize(("code", "message"), THROTTLED)
def test_being_too_fast_is_no_refusal(code: str, message: str) -> None:
    assert verdict(code, message) is Verdict.LATER
    assert failure_code(code, message) is FailureCode.SERVICE


@pytest.mark.parametrize("code", ["RequestTimeOut", "ResponseTimeout"])
def test_a_time_out_within_the_service_settles_nothing(code: str) -> None:
    assert verdict(code) is Verdict.UNSURE
    assert failure_code(code) is FailureCode.SERVICE


@pytest.mark.parametrize("code", ["InvalidVideo.TooShaky", "Invalid", "invalidsomething", "InvalidParameter.New"])
def test_an_unknown_code_about_an_input_is_final(code: str) -> None:
    assert failure_code(code) is FailureCode.INVALID
    assert verdict(code) is Verdict.FINAL


@pytest.mark.parametrize("code", ["SomethingNew", "", "InternalError.New", "\N{SNOWMAN}"])
def test_any_other_unknown_code_is_the_services_trouble(code: str) -> None:
    assert failure_code(code) is FailureCode.SERVICE


def test_an_unknown_failure_to_fetch_is_one_all_the_same() -> None:
    assert failure_code("InvalidURL.New") is FailureCode.DOWNLOAD


def test_a_code_is_known_in_any_case() -> None:
    assert failure_code("invalidvideo.nohuman") is FailureCode.VIDEO_PERSON
    assert failure_code("INVALIDPARAMETER", "UNABLE TO DOWNLOAD") is FailureCode.DOWNLOAD


def test_a_failure_cost_nothing_and_names_the_vendors_code_and_words() -> None:
    failure = failure_of("InvalidVideo.FileFormat", "Invalid video type. Only mp4/mov/avi is supported.")
    assert failure.detail == "InvalidVideo.FileFormat: Invalid video type. Only mp4/mov/avi is supported."
    assert failure.spent is Spent.NOTHING
    assert failure_of("", "").detail == "no code"
    assert failure_of("Arrearage").detail == "Arrearage"


TOKEN = "Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmF"


@pytest.mark.parametrize(
    "message",
    [
        f"Unable to download https://bot.example.org/media/{TOKEN}/image.jpg: 404",
        f"Connection to bot.example.org:443/media/{TOKEN}/x refused",
        f"Cannot get '/media/{TOKEN}/image.jpg'",
        f"url=https%3A%2F%2Fbot.example.org%2Fmedia%2F{TOKEN}",
        f"download {TOKEN} timeout",
        f"oss://dashscope-instant/{TOKEN}/image.jpg not found",
        f"Invalid API-key: sk-{TOKEN[:12]}",
    ],
)
def test_no_address_token_or_key_gets_into_a_detail(message: str) -> None:
    detail = failure_of("InvalidParameter", message).detail
    assert TOKEN[:12] not in detail
    assert "example.org" not in detail
    assert detail.startswith("InvalidParameter: ")


def test_a_detail_is_one_short_line_whatever_the_vendor_writes() -> None:
    detail = failure_of("Odd\r\ncode" * 100, "word \n\t\x00\x1b\N{RIGHT-TO-LEFT OVERRIDE}" * 100_000).detail
    assert len(detail) <= 200
    assert detail.isprintable()
    assert len(failure_of("Odd", "a" * 10_000_000).detail) <= 200
